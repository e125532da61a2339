import { randomInt } from 'node:crypto';
import pg from 'pg';
import sql from 'sql-template-tag';
import { afterEach, afterAll, expect, test } from 'vitest';
import { countDispatched, tryDispatcherLock, reclaimRequests } from '../../src/db/outbox.ts';
import { announceWork, openDispatcherSession } from '../../src/db/outbox-session.ts';
import { newId } from '../../src/db/ids.ts';
import { claimSuspects } from '../../src/db/suspects.ts';
import { testDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { ALL_SOURCES, claim, makeEnds, storeRequests, type Ends } from './rows.ts';

const { url, db, drop } = await testDatabase();
afterAll(drop);
afterEach(() => db.query(sql`truncate outbox`));

const HOUR_MS = 3_600_000;

/** Three sources, by id. */
async function threeSources(): Promise<Ends[]> {
  const ends = [await makeEnds(db), await makeEnds(db), await makeEnds(db)];
  return ends.toSorted((a, b) => (a.sourceId < b.sourceId ? -1 : 1));
}

test('a source with a long queue leaves the others their share', async () => {
  const [loud, quiet, other] = await threeSources();
  await storeRequests(db, loud!, 200);
  const few = [...(await storeRequests(db, quiet!, 3)), ...(await storeRequests(db, other!, 3))];
  const { requestIds, sourceIds } = await claim(db, { limit: 30 });
  expect(requestIds).toEqual(expect.arrayContaining(few));
  expect(requestIds).toHaveLength(16);
  expect(sourceIds).toEqual([loud!.sourceId, quiet!.sourceId, other!.sourceId]);
});

test('a claim says whether a verdict is left to take', async () => {
  const ends = await makeEnds(db);
  await storeRequests(db, ends, 2);
  await db.query(sql`update outbox set unverified = false`);
  expect(await claim(db)).toMatchObject({ verified: true });
  const [late] = await storeRequests(db, ends, 2);
  await db.query(sql`update outbox set unverified = request_id = ${late}`);
  expect(await claim(db)).toMatchObject({ verified: false });
});

test('within a source the oldest come first', async () => {
  const ends = await makeEnds(db);
  const ids = await storeRequests(db, ends, 10);
  expect((await claim(db, { limit: 4 })).requestIds).toEqual(ids.slice(0, 4));
  expect((await claim(db, { limit: 4 })).requestIds).toEqual(ids.slice(4, 8));
});

test('with more sources than a round takes, each has its turn', async () => {
  const sources = await threeSources();
  for (const ends of sources) await storeRequests(db, ends, 5);
  const served: string[] = [];
  for (let round = 0, afterSourceId = ''; round < 3; round++) {
    const found = await claim(db, { limit: 1, afterSourceId });
    served.push(...found.sourceIds);
    afterSourceId = found.lastSourceId;
  }
  expect(served).toEqual(sources.map((ends) => ends.sourceId));
});

test('a lane takes only from the sources it serves', async () => {
  const [first, second] = await threeSources();
  const mine = await storeRequests(db, first!, 2);
  const others = await storeRequests(db, second!, 2);
  const sources = [first!.sourceId];
  const only = await claim(db, { lane: { ...ALL_SOURCES, sources, serves: 'these' } });
  expect(only.requestIds).toEqual(mine);
  const rest = await claim(db, { lane: { ...ALL_SOURCES, sources, serves: 'others' } });
  expect(rest.requestIds).toEqual(others);
});

test('many that claim at once never claim the same', async () => {
  const ends = await makeEnds(db);
  const ids = await storeRequests(db, ends, 100);
  const claims = await Promise.all(Array.from({ length: 8 }, () => claim(db, { limit: 10 })));
  const taken = claims.flatMap((found) => found.requestIds);
  expect(new Set(taken).size).toBe(taken.length);
  const rest = await claim(db, { limit: 100 });
  expect([...taken, ...rest.requestIds].toSorted()).toEqual(ids);
});

test('what a living dispatcher holds stays with it, what a dead one held is freed at once', async () => {
  const ends = await makeEnds(db);
  await storeRequests(db, ends, 4);
  const session = await openDispatcherSession(url, { onWork: () => {}, onError: () => {} });
  const living = await claim(db, { limit: 2, claimedBy: session.id });
  const dead = await claim(db, { limit: 2, claimedBy: randomInt(1, 2 ** 31 - 1) });
  expect(await reclaimRequests(db, { staleMs: HOUR_MS })).toBe(2);
  expect(await countDispatched(db, living)).toBe(2);
  expect(await countDispatched(db, dead)).toBe(0);

  await session.close();
  await until(
    'its lock to be gone',
    async () => (await reclaimRequests(db, { staleMs: HOUR_MS })) === 2,
  );
  // Why it ended is not known: they go to the lane of suspects.
  const order = { dispatchId: newId('dispatch'), claimedBy: 1, risky: false };
  expect((await claimSuspects(db, order)).requestIds).toHaveLength(4);
});

test('even a living dispatcher does not keep a request for ever', async () => {
  const ends = await makeEnds(db);
  await storeRequests(db, ends, 1);
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  await tryDispatcherLock(holder, 77);
  await claim(db, { claimedBy: 77 });
  expect(await reclaimRequests(db, { staleMs: HOUR_MS })).toBe(0);
  await db.query(sql`update outbox set claimed_at = now() - interval '2 hours'`);
  expect(await reclaimRequests(db, { staleMs: HOUR_MS })).toBe(1);
  await holder.end();
});

test('the lock of a dispatcher in another database does not count here', async () => {
  const elsewhere = await testDatabase();
  const session = await openDispatcherSession(elsewhere.url, {
    onWork: () => {},
    onError: () => {},
  });
  await storeRequests(db, await makeEnds(db), 1);
  await claim(db, { claimedBy: session.id });
  expect(await reclaimRequests(db, { staleMs: HOUR_MS })).toBe(1);
  await session.close();
  await elsewhere.drop();
});

test('a dispatcher hears of work, also after its session broke, and still holds its lock then', async () => {
  let heard = 0;
  const session = await openDispatcherSession(url, { onWork: () => heard++, onError: () => {} });
  await announceWork(db);
  await until('the first word', () => heard === 1);
  await db.query(sql`
    select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = ${session.id}`);
  await until('a later word', async () => {
    await announceWork(db);
    return heard > 1;
  });
  await storeRequests(db, await makeEnds(db), 1);
  await claim(db, { claimedBy: session.id });
  expect(await reclaimRequests(db, { staleMs: HOUR_MS })).toBe(0);
  await session.close();
});
