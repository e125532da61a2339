import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import {
  cancelEvents,
  copyRequest,
  readRouted,
  requeueEvents,
  requeueRequest,
} from '../../src/db/recovery.ts';
import { commitRouting } from '../../src/db/commit-routing.ts';
import { AttemptTrigger, IgnoredCause } from '../../src/domain/status.ts';
import { testDatabase } from '../support/postgres.ts';
import { claim, makeEnds, makeEvents, planOf, rowOf, storeRequests } from './rows.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const ends = await makeEnds(db);
const { projectId, connectionId } = ends;

test('a retry by hand makes any settled event due now, and tells which delivery may know it', async () => {
  const [event] = await makeEvents(db, ends);
  await db.query(sql`
    update events set status = 'SUCCESSFUL', workflow_id = 'delivery/dsp_x/des_y' where id = ${event!}`);
  const order = { projectId, eventIds: [event!], trigger: AttemptTrigger.Manual };
  const [requeued] = await requeueEvents(db, order);
  expect(requeued).toEqual({
    id: event,
    destinationId: ends.destinationId,
    laneOf: null,
    deliveryId: 'delivery/dsp_x/des_y',
  });
  expect(await rowOf(db, event!)).toMatchObject({ status: 'QUEUED', trigger: 'MANUAL' });
});

test('an event whose first attempt ran in the parent belongs to the delivery its dispatch would have', async () => {
  const [event] = await makeEvents(db, ends);
  const { dispatch_id: dispatchId } = await rowOf(db, event!);
  const order = { projectId, eventIds: [event!], trigger: AttemptTrigger.Manual };
  const [requeued] = await requeueEvents(db, order);
  expect(requeued!.deliveryId).toBe(`delivery/${String(dispatchId)}/${ends.destinationId}`);
});

test('events of another project are neither retried nor cancelled', async () => {
  const eventIds = await makeEvents(db, ends);
  const theirs = { projectId: 'tm_other', eventIds };
  expect(await requeueEvents(db, { ...theirs, trigger: AttemptTrigger.Manual })).toEqual([]);
  expect(await cancelEvents(db, theirs)).toEqual([]);
  expect(await rowOf(db, eventIds[0]!)).toMatchObject({ status: 'QUEUED', trigger: 'INITIAL' });
});

test.each([
  ['QUEUED', true],
  ['SCHEDULED', true],
  ['HOLD', true],
  ['SUCCESSFUL', false],
  ['FAILED', false],
  ['CANCELLED', false],
])('cancelling an event that is %s: %s', async (status, isEnded) => {
  const [event] = await makeEvents(db, ends);
  await db.query(sql`update events set status = ${status} where id = ${event!}`);
  const found = await cancelEvents(db, { projectId, eventIds: [event!] });
  expect(found).toHaveLength(isEnded ? 1 : 0);
  expect(await rowOf(db, event!)).toMatchObject({ status: isEnded ? 'CANCELLED' : status });
});

test('a request that was ignored is routed again for the connections that ignored it', async () => {
  const [requestId] = await storeRequests(db, ends);
  const first = await claim(db);
  const plan = planOf(first.dispatchId, { requestIds: [requestId!], ends });
  const cause = IgnoredCause.Filtered;
  const ignored = {
    requestId: requestId!,
    connectionId,
    projectId,
    cause,
    meta: null,
    createdAtMs: 0,
  };
  await commitRouting(db, { ...plan, events: [], ignored: [ignored] });
  expect(await readRouted(db, requestId!)).toEqual({ waiting: false, eventIds: [] });

  await requeueRequest(db, { requestId: requestId!, connectionIds: null });
  await requeueRequest(db, { requestId: requestId!, connectionIds: null });
  expect(await readRouted(db, requestId!)).toEqual({ waiting: true, eventIds: [] });
  const second = await claim(db);
  expect(second.requestIds).toEqual([requestId]);
  const again = planOf(second.dispatchId, { requestIds: [requestId!], ends });
  const made = await commitRouting(db, again);
  expect(await readRouted(db, requestId!)).toEqual({
    waiting: false,
    eventIds: made.map((event) => event.id),
  });
  const { rows } = await db.query(
    sql`select events_count, ignored_count from requests where id = ${requestId!}`,
  );
  expect(rows).toEqual([{ events_count: 1, ignored_count: 0 }]);
});

test('routing again never makes an event a second time', async () => {
  const [requestId] = await storeRequests(db, ends);
  const first = await claim(db);
  await commitRouting(db, planOf(first.dispatchId, { requestIds: [requestId!], ends }));
  await requeueRequest(db, { requestId: requestId!, connectionIds: [connectionId] });
  const second = await claim(db);
  const again = planOf(second.dispatchId, { requestIds: [requestId!], ends });
  expect(await commitRouting(db, again)).toEqual([]);
  expect((await readRouted(db, requestId!)).eventIds).toHaveLength(1);
});

test('a copy of a request has an id of its own, the same bytes, and waits to be routed', async () => {
  const [requestId] = await storeRequests(db, ends);
  const { sourceId } = ends;
  const copy = await copyRequest(db, { requestId: requestId!, sourceId, connectionIds: null });
  expect(copy).not.toBe(requestId);
  const { rows } = await db.query(sql`
    select method, path, query, headers::text, body from request_data where id in (${requestId!}, ${copy!})`);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toEqual(rows[1]);
  expect(await readRouted(db, copy!)).toMatchObject({ waiting: true });
  const none = { requestId: 'req_none', sourceId, connectionIds: null };
  expect(await copyRequest(db, none)).toBeNull();
});

test('a second retry before the first is routed adds its connections to the first’s', async () => {
  const [requestId] = await storeRequests(db, ends);
  await claim(db);
  await requeueRequest(db, { requestId: requestId!, connectionIds: ['web_a'] });
  await requeueRequest(db, { requestId: requestId!, connectionIds: ['web_b'] });
  const { rows } = await db.query(
    sql`select connection_ids, dispatch_id from outbox where request_id = ${requestId!}`,
  );
  expect(rows).toEqual([{ connection_ids: null, dispatch_id: null }]);
});

test('what nobody found genuine is verified before a retry or a replay is routed', async () => {
  const [requestId] = await storeRequests(db, ends);
  await db.query(sql`
    update requests set verified = false, rejection_cause = 'VERIFICATION_FAILED' where id = ${requestId!}`);
  const { sourceId } = ends;
  const copy = await copyRequest(db, { requestId: requestId!, sourceId, connectionIds: null });
  await requeueRequest(db, { requestId: requestId!, connectionIds: null });
  const { rows } = await db.query(
    sql`select unverified from outbox where request_id in (${requestId!}, ${copy!})`,
  );
  expect(rows).toEqual([{ unverified: true }, { unverified: true }]);
});

test('a handshake is not replayed: it is no event', async () => {
  const [requestId] = await storeRequests(db, ends);
  await db.query(sql`update requests set kind = 'handshake' where id = ${requestId!}`);
  const { sourceId } = ends;
  expect(
    await copyRequest(db, { requestId: requestId!, sourceId, connectionIds: null }),
  ).toBeNull();
});
