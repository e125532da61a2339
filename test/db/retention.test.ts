import sql from 'sql-template-tag';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { readClock } from '../../src/db/clock.ts';
import { commitRouting } from '../../src/db/commit-routing.ts';
import { eventId, newId, requestIdOf } from '../../src/db/ids.ts';
import { DAY_MS, divideStrays, dropDay, listDays } from '../../src/db/partitions.ts';
import { requeueEvents, requeueRequest } from '../../src/db/recovery.ts';
import { insertRequests } from '../../src/db/requests.ts';
import {
  closeDays,
  expiredDays,
  isDone,
  readClosedDay,
  settleDay,
} from '../../src/db/retention.ts';
import { testDatabase } from '../support/postgres.ts';
import { claim, makeEnds, newRequest, planOf, rowOf } from './rows.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const ends = await makeEnds(db);
const today = Math.floor((await readClock(db)) / DAY_MS);
const KEPT_DAYS = 30;
beforeEach(async () => {
  await db.query(sql`delete from retention`);
  await db.query(sql`delete from outbox`);
  for (const day of await listDays(db)) if (day < today) await dropDay(db, day);
});

/** Stores a request as if it had come at noon so many days ago. */
async function store(daysAgo: number): Promise<string> {
  const receivedAtMs = (today - daysAgo) * DAY_MS + DAY_MS / 2;
  const request = newRequest(ends, { id: newId('request', receivedAtMs), receivedAtMs });
  await insertRequests(db, [{ request, idempotency: null, claims: [] }]);
  return request.id;
}

/** One that was routed then, with its event in some state that nobody has touched since. */
async function storeEvent(daysAgo: number, state: object = {}): Promise<string> {
  const requestId = await store(daysAgo);
  const { dispatchId } = await claim(db);
  await commitRouting(db, planOf(dispatchId, { requestIds: [requestId], ends }));
  const id = eventId(requestId, ends.connectionId);
  const row = { status: 'QUEUED', next_attempt_at: null, updated_at: '2001-01-01', ...state };
  await db.query(sql`
    update events set status = ${row.status}, next_attempt_at = ${row.next_attempt_at}::timestamptz,
      updated_at = ${row.updated_at}::timestamptz where id = ${id}`);
  return id;
}

/** As if the last step had been longer ago than steps are apart. */
const rest = () => db.query(sql`update retention set advanced_at = now() - interval '1 hour'`);
const close = () => closeDays(db, { retentionDays: KEPT_DAYS });

describe('how far retention goes', () => {
  test('is where the clock says, where that is a day more than it was', async () => {
    await store(31);
    await divideStrays(db);
    expect(await close()).toEqual({ day: today - 31, daysBehind: 1 });
    await rest();
    expect(await close()).toEqual({ day: today - 30, daysBehind: 0 });
    await rest();
    expect(await close()).toEqual({ day: today - 30, daysBehind: 0 });
  });

  test('is one day an hour where the clock jumped, however many processes ask', async () => {
    await db.query(sql`
      insert into retention values (true, ${today - 62}, '0', now() - interval '1 hour')`);
    const asked = await Promise.all([close(), close(), close(), close()]);
    expect(asked.map(({ day }) => day)).toEqual(Array(4).fill(today - 61));
    expect(asked.map(({ daysBehind }) => daysBehind)).toEqual(Array(4).fill(31));
    await rest();
    expect((await close()).day).toBe(today - 60);
  });

  test('goes back with a clock that is set back', async () => {
    await db.query(
      sql`insert into retention values (true, ${today}, '0', now() + interval '30 days')`,
    );
    expect((await close()).day).toBe(today - 30);
    expect(await readClosedDay(db)).toBe(today - 30);
  });
});

describe('what still waits when its day is over', () => {
  const day = today - 40;

  test.each([
    ['QUEUED', {}],
    ['HOLD', {}],
    ['SCHEDULED', { next_attempt_at: '2001-01-02' }],
    ['FAILED', { next_attempt_at: '2001-01-02' }],
  ])(
    'is cancelled with a cause that names retention, and shown for a day: %s',
    async (status, more) => {
      const id = await storeEvent(40, { status, ...more });
      await divideStrays(db);
      expect(await isDone(db, day)).toBe(false);
      expect(await settleDay(db, day)).toMatchObject({ events: 1, requests: 0 });
      expect(await rowOf(db, id)).toMatchObject({
        status: 'CANCELLED',
        error_code: 'CANCELLED_PAST_RETENTION',
        next_attempt_at: null,
      });
      expect(await isDone(db, day)).toBe(false);
      await db.query(
        sql`update events set updated_at = now() - interval '25 hours' where id = ${id}`,
      );
      expect(await isDone(db, day)).toBe(true);
    },
  );

  test.each([
    ['has its time yet to come', { status: 'SCHEDULED', next_attempt_at: '2999-01-01' }],
    ['will be tried again', { status: 'FAILED', next_attempt_at: '2999-01-01' }],
    ['was worked on since yesterday', { status: 'QUEUED', updated_at: 'now' }],
  ])('stays, and its day with it, where it %s', async (_why, state) => {
    const id = await storeEvent(40, state);
    await divideStrays(db);
    expect(await settleDay(db, day)).toMatchObject({ events: 0 });
    expect(await rowOf(db, id)).toMatchObject({ status: state.status });
    expect(await isDone(db, day)).toBe(false);
  });

  test('is a request with the cause, where it was never routed', async () => {
    const id = await store(40);
    await divideStrays(db);
    expect(await settleDay(db, day)).toMatchObject({ events: 0, requests: 1 });
    const { rows } = await db.query(sql`select rejection_cause from requests where id = ${id}`);
    expect(rows).toEqual([{ rejection_cause: 'PAST_RETENTION' }]);
    expect((await db.query(sql`select 1 from outbox`)).rowCount).toBe(0);
    expect(await isDone(db, day)).toBe(false);
  });

  test('is left alone where it is being routed', async () => {
    const id = await store(40);
    await divideStrays(db);
    await claim(db);
    expect(await settleDay(db, day)).toMatchObject({ requests: 0 });
    expect((await db.query(sql`select 1 from outbox where request_id = ${id}`)).rowCount).toBe(1);
    expect(await isDone(db, day)).toBe(false);
  });

  test('leaves its lane and the gate it waited at', async () => {
    const id = await storeEvent(40, { status: 'HOLD' });
    const other = await storeEvent(1, { status: 'HOLD' });
    await divideStrays(db);
    await db.query(sql`insert into lane_events values (${ends.connectionId}, 'k', ${id})`);
    await db.query(sql`
      insert into parked (gate, reason, workflow_id, event_ids)
      values ('g', 'paused', 'w1', ${[id, other]}), ('g', 'paused', 'w2', ${[id]})`);
    const { laneConnectionIds } = await settleDay(db, day);
    expect(laneConnectionIds).toEqual([ends.connectionId]);
    const { rows } = await db.query(sql`select workflow_id, event_ids from parked`);
    expect(rows).toEqual([{ workflow_id: 'w1', event_ids: [other] }]);
    expect((await db.query(sql`select 1 from lane_events`)).rowCount).toBe(0);
  });

  test('a day of which nothing waits is done at once', async () => {
    await storeEvent(40, { status: 'SUCCESSFUL' });
    await storeEvent(40, { status: 'FAILED' });
    await divideStrays(db);
    expect(await settleDay(db, day)).toMatchObject({ events: 0, requests: 0 });
    expect(await isDone(db, day)).toBe(true);
    await dropDay(db, day);
    expect(await listDays(db)).not.toContain(day);
  });
});

test('what is beyond retention is taken up no more', async () => {
  const id = await storeEvent(40, { status: 'FAILED' });
  const young = await storeEvent(1, { status: 'FAILED' });
  await divideStrays(db);
  await db.query(
    sql`insert into retention values (true, ${today - 30}, ${newId('request', (today - 30) * DAY_MS).slice(4, 14)}, now())`,
  );
  const { projectId } = ends;
  const requeued = await requeueEvents(db, { projectId, eventIds: [id, young], trigger: 'MANUAL' });
  expect(requeued.map((event) => event.id)).toEqual([young]);
  const again = requeueRequest(db, { requestId: requestIdOf(id), connectionIds: null });
  await expect(again).rejects.toThrow(/RETENTION_DAYS/);
});

test('days that lie far ahead are over when they have been known for as long as days are kept', async () => {
  await store(-400);
  await divideStrays(db);
  const order = { closedDay: today - 30, retentionDays: KEPT_DAYS };
  expect(await expiredDays(db, order)).toEqual([]);
  await db.query(sql`update days_ahead set seen_at = now() - interval '32 days'`);
  expect(await expiredDays(db, order)).toEqual([today + 400]);
  await dropDay(db, today + 400);
});
