import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { claimFirst, purgeClaims } from '../../../src/db/claims.ts';
import { requeueRequest } from '../../../src/db/recovery.ts';
import { until } from '../../support/until.ts';
import { startRouting, type Arriving } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting();
});

const remember = (more: object = {}) => [{ type: 'deduplicate' as const, window: 60_000, ...more }];

/** Which of these requests passed, in order. */
async function passed(sourceId: string, ...arriving: Arriving[]): Promise<boolean[]> {
  const ids = await routing.arrive(sourceId, ...arriving);
  await routing.route(ids);
  return Promise.all(ids.map(async (id) => (await routing.eventsOf(id)).length === 1));
}

test('of a thousand equal requests routed at once by several workers exactly one passes', async () => {
  const { sourceId } = await routing.define(remember());
  const ids = await routing.arrive(
    sourceId,
    ...Array.from({ length: 1_000 }, () => ({ body: '{"n":1}' })),
  );
  const workers = Array.from({ length: 4 }, () => routing.worker());
  const batches = Array.from({ length: 20 }, (_, index) => ids.slice(index * 50, index * 50 + 50));
  await Promise.all(batches.map((batch, index) => routing.route(batch, workers[index % 4])));
  const { rows } = await routing.db.query<{ events: number; ignored: number; owners: string[] }>({
    text: `select (select count(*)::integer from events where source_id = $1) as events,
             (select count(*)::integer from ignored_events i join requests r on r.id = i.request_id
              where r.source_id = $1 and i.cause = 'DEDUPLICATED') as ignored,
             (select array_agg(distinct i.meta->>'request_id') from ignored_events i
              join requests r on r.id = i.request_id where r.source_id = $1) as owners`,
    values: [sourceId],
  });
  expect(rows[0]).toMatchObject({ events: 1, ignored: 999 });
  // Every one of them names the request that passed.
  expect(rows[0]!.owners).toHaveLength(1);
  expect(await routing.eventsOf(rows[0]!.owners[0]!)).toHaveLength(1);
});

test('the whole event is compared byte for byte, unless fields are named', async () => {
  const { sourceId } = await routing.define(remember());
  const same = { body: '{"n":1}', path: '/a', query: 'x=1' };
  expect(
    await passed(
      sourceId,
      same,
      same,
      { ...same, body: '{"n": 1}' },
      { ...same, path: '/b' },
      { ...same, query: 'x=2' },
    ),
  ).toEqual([true, false, true, true, true]);
});

test('included fields alone decide, excluded ones count for nothing', async () => {
  const included = await routing.define(
    remember({ include_fields: ['body.id', 'headers.x-shop'] }),
  );
  const shop = (name: string): [string, string][] => [
    ['Content-Type', 'application/json'],
    ['X-Shop', name],
  ];
  expect(
    await passed(
      included.sourceId,
      { body: '{"id":1,"at":1}', headers: shop('a') },
      { body: '{"id":1,"at":2}', headers: shop('a') },
      { body: '{"id":1,"at":1}', headers: shop('b') },
      { body: '{"id":2,"at":1}', headers: shop('a') },
    ),
  ).toEqual([true, false, true, true]);

  const excluded = await routing.define(
    remember({ exclude_fields: ['body.at', 'body.items[*].seen'] }),
  );
  expect(
    await passed(
      excluded.sourceId,
      { body: '{"id":1,"at":1,"items":[{"n":1,"seen":1}]}' },
      { body: '{"id":1,"at":2,"items":[{"n":1,"seen":2}]}' },
      { body: '{"id":1,"at":2,"items":[{"n":2,"seen":2}]}' },
    ),
  ).toEqual([true, false, true]);
});

test('two connections remember each for itself', async () => {
  const { sourceId } = await routing.define(remember());
  await routing.define(remember(), { sourceId });
  const [first, second] = await routing.arrive(sourceId, {}, {});
  await routing.route([first!, second!]);
  expect(await routing.eventsOf(first!)).toHaveLength(2);
  expect((await routing.made(second!)).ignored).toHaveLength(2);
});

test('the window ends after the first one, however many came in between', async () => {
  const { sourceId } = await routing.define(remember({ window: 1_000 }));
  const startMs = Date.now();
  expect(await passed(sourceId, {})).toEqual([true]);
  let refused = 0;
  await until('the next one that passes', async () => {
    const [isThrough] = await passed(sourceId, {});
    if (!isThrough) refused++;
    return isThrough;
  });
  expect(Date.now() - startMs).toBeGreaterThanOrEqual(1_000);
  expect(refused).toBeGreaterThan(0);
});

test('a claim that expired and was purged while others were made is its claimant’s, and they keep theirs', async () => {
  const claim = (text: string, owner: string, expiresAtMs: number) => ({
    scope: 'web_claims',
    key: createHash('sha256').update(text).digest(),
    owner,
    expiresAtMs,
  });
  const laterMs = Date.now() + 60_000;
  await claimFirst(routing.db, [claim('b', 'earlier', laterMs)]);
  const purging = {
    ...routing.db,
    async query(statement: Parameters<typeof routing.db.query>[0]) {
      const result = await routing.db.query(statement);
      await purgeClaims(routing.db);
      return result;
    },
  } as typeof routing.db;
  const claims = [
    claim('a', 'one', Date.now() - 1),
    claim('b', 'two', laterMs),
    claim('c', 'three', laterMs),
  ];
  const owners = (await claimFirst(purging, claims)).map(({ owner }) => owner);
  expect(owners).toEqual(['one', 'earlier', 'three']);
});

describe('what was remembered', () => {
  test('is forgotten when the rule changes, and only then', async () => {
    const { sourceId, connectionId } = await routing.define(remember());
    expect(await passed(sourceId, {}, {})).toEqual([true, false]);
    await routing.setRules(connectionId, [...remember(), { type: 'delay', delay: 0 }]);
    expect(await passed(sourceId, {})).toEqual([false]);
    await routing.setRules(connectionId, remember({ window: 61_000 }));
    expect(await passed(sourceId, {}, {})).toEqual([true, false]);
  });

  test('does not hold up the request that it was remembered of', async () => {
    const { sourceId, connectionId } = await routing.define([
      ...remember(),
      { type: 'filter', body: { never: true } },
    ]);
    const [id] = await routing.arrive(sourceId, {});
    await routing.route([id!]);
    expect((await routing.made(id!)).ignored).toMatchObject([{ cause: 'FILTERED' }]);
    await routing.setRules(connectionId, remember());
    await requeueRequest(routing.db, { requestId: id!, connectionIds: null });
    await routing.route([id!]);
    expect((await routing.made(id!)).events).toHaveLength(1);
  });
});
