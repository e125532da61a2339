import { beforeAll, describe, expect, test } from 'vitest';
import { requeueRequest } from '../../../src/db/recovery.ts';
import type { Routing } from '../../../src/domain/delivery.ts';
import { handler, startRouting } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting({ children: 2 });
});

function eventIds({ batches }: Routing): string[] {
  const waiting = batches.flatMap((batch) => batch.waiting);
  return waiting.flatMap((group) => group.eventIds).toSorted();
}

test('a request whose code failed makes its event when it is retried after the code was mended', async () => {
  const rule = await routing.code(handler('throw new Error("not yet");'));
  const { requestId, ignored } = await routing.take([rule], { body: '{"n":1}' });
  expect(ignored).toMatchObject([{ cause: 'TRANSFORMATION_FAILED' }]);
  await routing.setCode(rule, handler('request.body.n++; return request;'));
  await requeueRequest(routing.db, { requestId, connectionIds: null });
  await routing.route([requestId]);
  const made = await routing.made(requestId);
  expect(made.ignored).toEqual([]);
  expect(made.events).toHaveLength(1);
  const { body } = await routing.payloadOf(made.events[0]!.id);
  expect(body.toString()).toBe('{"n":2}');
  // Both runs are on record: another dispatch is another run.
  expect(await routing.executionsOf(requestId)).toMatchObject([
    { outcome: 'user_error', version: 1 },
    { outcome: 'ok', version: 2 },
  ]);
});

describe('a routing step that is run again', () => {
  test('after its commit returns the same events, and leaves nothing twice', async () => {
    const rule = await routing.code(
      handler('console.log("once"); request.body.x = Math.random(); return request;'),
    );
    const once = { type: 'deduplicate' as const, window: 60_000 };
    const { sourceId } = await routing.define([once, rule]);
    const requestIds = await routing.arrive(
      sourceId,
      { body: '{"n":1}' },
      { body: '{"n":2}' },
      { body: '{"n":1}' },
    );
    const dispatchId = await routing.claim(requestIds);
    const order = { dispatchId, requestIds };
    const first = await routing.worker().routeRequests(order);
    const made = await Promise.all(requestIds.map((id) => routing.made(id)));
    const second = await routing.worker().routeRequests(order);
    expect(eventIds(second)).toEqual(eventIds(first));
    expect(eventIds(first)).toHaveLength(2);
    expect(await Promise.all(requestIds.map((id) => routing.made(id)))).toEqual(made);
    expect(await routing.executionsOf(requestIds[0]!)).toHaveLength(1);
    expect(await routing.counts(requestIds[0]!)).toEqual({ events_count: 1, ignored_count: 0 });
  });

  test('before its commit finds its own claims and passes them', async () => {
    const { sourceId } = await routing.define([{ type: 'deduplicate', window: 60_000 }]);
    const requestIds = await routing.arrive(sourceId, {});
    const dispatchId = await routing.claim(requestIds);
    // As if the worker had died between the claim and the commit: the outbox row is there again.
    await routing.worker().routeRequests({ dispatchId, requestIds });
    await routing.db.query({
      text: 'delete from events where request_id = $1',
      values: [requestIds[0]],
    });
    await routing.db.query({
      text: 'insert into outbox (request_id, source_id, dispatch_id, claimed_by) values ($1, $2, $3, 1)',
      values: [requestIds[0], sourceId, dispatchId],
    });
    await routing.worker().routeRequests({ dispatchId, requestIds });
    expect(await routing.made(requestIds[0]!)).toMatchObject({ events: [{}], ignored: [] });
  });

  test('while it is still under way waits for it, and runs no code again', async () => {
    const rule = await routing.code(
      handler('const end = Date.now() + 400; while (Date.now() < end); return request;'),
    );
    const { sourceId } = await routing.define([rule]);
    const requestIds = await routing.arrive(sourceId, {});
    const order = { dispatchId: await routing.claim(requestIds), requestIds };
    const worker = routing.worker();
    const [one, two] = await Promise.all([
      worker.routeRequests(order),
      worker.routeRequests(order),
    ]);
    expect(two).toBe(one);
    expect(await routing.executionsOf(requestIds[0]!)).toHaveLength(1);
  });

  test('by somebody who lost the requests makes nothing', async () => {
    const { sourceId } = await routing.define();
    const requestIds = await routing.arrive(sourceId, {});
    const lost = await routing.claim(requestIds);
    await routing.claim(requestIds);
    const step = await routing.worker().routeRequests({ dispatchId: lost, requestIds });
    expect(step).toEqual({ batches: [], remaining: [] });
    expect(await routing.eventsOf(requestIds[0]!)).toEqual([]);
  });
});

describe('slow code', () => {
  test('leaves what does not fit into the time of one step to the next, and loses nothing', async () => {
    const rule = await routing.code(
      handler('const end = Date.now() + 300; while (Date.now() < end); return request;'),
    );
    const { sourceId } = await routing.define([rule]);
    const ids = await routing.arrive(sourceId, ...Array.from({ length: 24 }, () => ({})));
    const startMs = Date.now();
    const before = routing.routed.length;
    const steps = await routing.route(ids);
    expect(steps.length).toBeGreaterThan(1);
    for (const [index, step] of steps.entries()) {
      expect(step.remaining.length).toBeLessThan(steps[index - 1]?.remaining.length ?? ids.length);
    }
    expect(steps.flatMap(eventIds)).toHaveLength(24);
    expect(new Set(steps.flatMap(eventIds)).size).toBe(24);
    // The dispatcher hears of the end once, when nothing is left.
    expect(routing.routed.length).toBe(before + 1);
    expect(Date.now() - startMs).toBeGreaterThan(24 * 100);
  });

  test('of one source does not slow down the routing of another', async () => {
    const loop = await routing.code(handler('for (;;);'));
    const quick = await routing.code(handler('return request;'));
    const slow = await routing.define([loop]);
    const calm = await routing.define([quick]);
    const [warm] = await routing.arrive(calm.sourceId, {});
    await routing.route([warm!]);
    const stuck = await routing.arrive(slow.sourceId, ...Array.from({ length: 12 }, () => ({})));
    let isSlowDone = false;
    const slowly = routing.route(stuck, routing.worker()).finally(() => (isSlowDone = true));
    const ids = await routing.arrive(calm.sourceId, ...Array.from({ length: 20 }, () => ({})));
    await routing.route(ids, routing.worker());
    expect(isSlowDone).toBe(false);
    await slowly;
    for (const id of stuck) {
      // Where the machine has no time for its own limit either, a loop is killed.
      const [ignored] = (await routing.made(id)).ignored;
      expect(ignored).toMatchObject({ meta: { error: expect.stringMatching(/timeout|killed/) } });
    }
  });
});

test('bodies of many megabytes go through filters a few at a time', async () => {
  const { sourceId } = await routing.define([{ type: 'filter', body: { $startsWith: 'x' } }]);
  const body = Buffer.alloc(9 * 1024 * 1024, 'x');
  const headers: [string, string][] = [['Content-Type', 'text/plain']];
  const ids = await routing.arrive(
    sourceId,
    ...Array.from({ length: 4 }, () => ({ body, headers })),
  );
  await routing.route(ids);
  for (const id of ids) expect(await routing.eventsOf(id)).toHaveLength(1);
});
