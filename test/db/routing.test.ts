import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { commitRouting } from '../../src/db/commit-routing.ts';
import { eventId, newId } from '../../src/db/ids.ts';
import { reclaimRequests } from '../../src/db/outbox.ts';
import {
  insertPayloads,
  listDispatched,
  listRouted,
  readRequestData,
} from '../../src/db/routing.ts';
import { claimSuspects } from '../../src/db/suspects.ts';
import { IgnoredCause, RejectionCause } from '../../src/domain/status.ts';
import { testDatabase } from '../support/postgres.ts';
import { claim, makeEnds, planOf, rowOf, storeRequests } from './rows.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const ends = await makeEnds(db);

async function countEvents(requestIds: string[]): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    sql`select count(*)::integer as n from events where request_id = any(${requestIds})`,
  );
  return rows[0]!.n;
}

const byId = (events: { id: string }[]) => events.map((event) => event.id).toSorted();

test('routing makes the events, clears the outbox and counts, all at once', async () => {
  const requestIds = await storeRequests(db, ends, 3);
  const { dispatchId } = await claim(db);
  const plan = planOf(dispatchId, { requestIds, ends });
  const made = await commitRouting(db, plan);
  expect(byId(made)).toEqual(plan.events.map((event) => event.id).toSorted());
  expect(await listDispatched(db, { dispatchId, requestIds })).toEqual([]);
  const { rows } = await db.query(
    sql`select distinct events_count, ignored_count, rejection_cause from requests where id = any(${requestIds})`,
  );
  expect(rows).toEqual([{ events_count: 1, ignored_count: 0, rejection_cause: null }]);
});

test('routing a second time makes nothing, counts nothing, and returns what the first time made', async () => {
  const requestIds = await storeRequests(db, ends, 3);
  const { dispatchId } = await claim(db);
  const plan = planOf(dispatchId, { requestIds, ends });
  const made = await commitRouting(db, plan);
  expect(await commitRouting(db, plan)).toEqual([]);
  expect(byId(await listRouted(db, { dispatchId, requestIds }))).toEqual(byId(made));
  expect(await countEvents(requestIds)).toBe(3);
});

test('a dispatch that lost its requests makes nothing of them and owns nothing', async () => {
  const requestIds = await storeRequests(db, ends, 2);
  const late = await claim(db, { claimedBy: 1 });
  await reclaimRequests(db, { staleMs: 3_600_000 });
  const now = await claimSuspects(db, {
    dispatchId: newId('dispatch'),
    claimedBy: 2,
    risky: false,
  });
  expect(now.requestIds).toEqual(requestIds);

  expect(await listDispatched(db, late)).toEqual([]);
  expect(await commitRouting(db, planOf(late.dispatchId, { requestIds, ends }))).toEqual([]);
  expect(await countEvents(requestIds)).toBe(0);
  expect(await commitRouting(db, planOf(now.dispatchId, { requestIds, ends }))).toHaveLength(2);
  expect(await listRouted(db, late)).toEqual([]);
  expect(await listRouted(db, now)).toHaveLength(2);
});

test('two dispatches that route the same requests at once make each event once', async () => {
  const requestIds = await storeRequests(db, ends, 20);
  const first = await claim(db, { claimedBy: 1 });
  const [made] = await Promise.all([
    commitRouting(db, planOf(first.dispatchId, { requestIds, ends })),
    reclaimRequests(db, { staleMs: 3_600_000 }),
  ]);
  const order = { dispatchId: newId('dispatch'), claimedBy: 2, risky: false };
  const second = await claimSuspects(db, order);
  const again = second.requestIds.length
    ? await commitRouting(db, planOf(second.dispatchId, { requestIds: second.requestIds, ends }))
    : [];
  expect(made.length + again.length).toBe(20);
  expect(await countEvents(requestIds)).toBe(20);
});

test('what is settled already is not handed out again', async () => {
  const requestIds = await storeRequests(db, ends, 2);
  const { dispatchId } = await claim(db);
  const made = await commitRouting(db, planOf(dispatchId, { requestIds, ends }));
  await db.query(sql`update events set status = 'SUCCESSFUL' where id = ${made[0]!.id}`);
  expect(byId(await listRouted(db, { dispatchId, requestIds }))).toEqual([made[1]!.id]);
});

test('a connection that ignores a request is on record with its cause, once', async () => {
  const [requestId] = await storeRequests(db, ends, 1);
  const { dispatchId } = await claim(db);
  const ignored = {
    requestId: requestId!,
    connectionId: ends.connectionId,
    projectId: ends.projectId,
    cause: IgnoredCause.Filtered,
    // A NUL cannot stand in jsonb.
    meta: ['body', '\0'],
    createdAtMs: Date.now(),
  };
  const plan = {
    ...planOf(dispatchId, { requestIds: [requestId!], ends }),
    events: [],
    ignored: [ignored],
  };
  await commitRouting(db, plan);
  await commitRouting(db, plan);
  const { rows } = await db.query(
    sql`select cause from ignored_events where request_id = ${requestId!}`,
  );
  expect(rows).toEqual([{ cause: 'FILTERED' }]);
});

test('a request without a connection is rejected with its cause', async () => {
  const [requestId] = await storeRequests(db, ends, 1);
  const { dispatchId } = await claim(db);
  await commitRouting(db, {
    dispatchId,
    verdicts: [{ requestId: requestId!, rejectionCause: RejectionCause.NoConnection }],
    events: [],
    ignored: [],
  });
  const { rows } = await db.query(
    sql`select rejection_cause from requests where id = ${requestId!}`,
  );
  expect(rows).toEqual([{ rejection_cause: 'NO_CONNECTION' }]);
});

test('what came in is read back byte for byte, what a transformation made is kept once', async () => {
  const [requestId] = await storeRequests(db, ends, 1);
  const data = await readRequestData(db, [requestId!]);
  expect(data.get(requestId!)).toMatchObject({ path: '/a', body: Buffer.from('{}') });

  const id = eventId(requestId!, ends.connectionId);
  const bytes = Buffer.from([0, 0xff, 0x5c, 0x27]);
  const payload = {
    eventId: id,
    path: '',
    query: '',
    headers: [['a', '\ud800']] as const,
    body: bytes,
  };
  const other = {
    ...payload,
    eventId: eventId(newId('request'), ends.connectionId),
    body: Buffer.alloc(0),
  };
  await insertPayloads(db, [other, payload]);
  await insertPayloads(db, [{ ...payload, body: Buffer.from('later') }]);
  const { rows } = await db.query<{ body: Buffer }>(
    sql`select body from event_payloads where event_id = ${id}`,
  );
  expect(rows[0]!.body.equals(bytes)).toBe(true);
});

test('an event is made for the day of its request, whatever the day is now', async () => {
  const [requestId] = await storeRequests(db, ends, 1);
  const { dispatchId } = await claim(db);
  const [made] = await commitRouting(db, planOf(dispatchId, { requestIds: [requestId!], ends }));
  const { rows } = await db.query<{ partition: string }>(
    sql`select tableoid::regclass::text as partition from events where id = ${made!.id}`,
  );
  expect(rows[0]!.partition).toMatch(/^events_\d{8}$/);
  expect(await rowOf(db, made!.id)).toMatchObject({ status: 'QUEUED', dispatch_id: dispatchId });
});
