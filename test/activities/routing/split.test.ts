import { beforeAll, describe, expect, test } from 'vitest';
import { requeueRequest } from '../../../src/db/recovery.ts';
import { handler, startRouting } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting();
});

const EACH = handler('return request.body.map((item) => ({ ...request, body: item }));');

async function bodiesOf(requestId: string): Promise<unknown[]> {
  const events = await routing.eventsOf(requestId);
  const payloads = await Promise.all(events.map((event) => routing.payloadOf(event.id)));
  return payloads
    .map(({ body }) => JSON.parse(body.toString()) as { n: number })
    .toSorted((a, b) => a.n - b.n);
}

describe('a list of requests makes one event each', () => {
  test('with ids of their own, and the rules behind it see each by itself', async () => {
    const odd = { type: 'filter' as const, body: { odd: true } };
    const split = await routing.code(EACH);
    const body = JSON.stringify([0, 1, 2, 3, 4].map((n) => ({ n, odd: n % 2 === 1 })));
    const { events, ignored, requestId } = await routing.take([split, odd], { body });
    expect(new Set(events.map((event) => event.id)).size).toBe(2);
    expect(await bodiesOf(requestId)).toMatchObject([{ n: 1 }, { n: 3 }]);
    // The others went no further: one record says so for the connection.
    expect(ignored).toMatchObject([{ cause: 'FILTERED', meta: ['body'] }]);
    expect(await routing.counts(requestId)).toEqual({ events_count: 2, ignored_count: 1 });
  });

  test('equal ones among them count as the same for a deduplicate rule behind it', async () => {
    const split = await routing.code(EACH);
    const once = { type: 'deduplicate' as const, window: 60_000 };
    const body = '[{"n":1},{"n":2},{"n":1},{"n":1}]';
    const { requestId } = await routing.take([split, once], { body });
    expect(await bodiesOf(requestId)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('several splits in a row may not multiply without end', async () => {
    const many = await routing.code(handler('return Array.from({ length: 40 }, () => request);'));
    const { events, ignored } = await routing.take([many, many]);
    expect(events).toEqual([]);
    expect(ignored).toMatchObject([
      {
        cause: 'TRANSFORMATION_FAILED',
        meta: { error: 'too_large', reason: expect.stringContaining('1600') },
      },
    ]);
  });
});

test('a piece that failed is told, and made by a retry after the code was mended; the others are not made twice', async () => {
  const split = await routing.code(EACH);
  const check = await routing.code(
    handler('if (request.body.n === 1) throw new Error("no ones"); return request;'),
  );
  const body = '[{"n":0},{"n":1},{"n":2}]';
  const { events, ignored, requestId } = await routing.take([split, check], { body });
  expect(await bodiesOf(requestId)).toEqual([{ n: 0 }, { n: 2 }]);
  expect(ignored).toMatchObject([
    { cause: 'TRANSFORMATION_FAILED', meta: { reason: 'Error: no ones', line: 2 } },
  ]);

  await routing.setCode(check, handler('return request;'));
  await requeueRequest(routing.db, { requestId, connectionIds: null });
  const steps = await routing.route([requestId]);
  const again = await routing.made(requestId);
  expect(again.ignored).toEqual([]);
  expect(await bodiesOf(requestId)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  const known = new Set(events.map((event) => event.id));
  const fresh = again.events.map((event) => event.id).filter((id) => !known.has(id));
  expect(fresh).toHaveLength(1);
  // Only the new one is to be delivered.
  const handed = steps.flatMap(({ batches }) => batches.flatMap((batch) => batch.waiting));
  expect(handed.flatMap((group) => group.eventIds)).toEqual(fresh);
  expect(await routing.counts(requestId)).toEqual({ events_count: 3, ignored_count: 0 });
});
