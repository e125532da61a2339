import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { finishAttempts } from '../../src/db/attempts.ts';
import { attemptId } from '../../src/db/ids.ts';
import type { Db } from '../../src/db/pool.ts';
import { closeInterrupted } from '../../src/db/interrupted.ts';
import { cancelEvents, requeueEvents } from '../../src/db/recovery.ts';
import { AttemptStatus, AttemptTrigger, EventStatus } from '../../src/domain/status.ts';
import { testDatabase } from '../support/postgres.ts';
import { createAttempts, ended, WORKFLOW } from './attempts-made.ts';
import { makeEnds, makeEvents, rowOf } from './rows.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const ends = await makeEnds(db);
const { projectId } = ends;
const { oneEvent, begin, begun } = createAttempts(db, ends);
const LONGEST_MS = 960_000;

/** How many rows of events `work` has written anew, and of how many of them no index had to hear. */
async function updatesOf(work: (inside: Db) => Promise<unknown>) {
  return db.transaction(async (inside) => {
    const count = async () => {
      const { rows } = await inside.query<{ all: number; hot: number }>(sql`
        select sum(pg_stat_get_xact_tuples_updated(relid))::integer as all,
          sum(pg_stat_get_xact_tuples_hot_updated(relid))::integer as hot
        from pg_partition_tree('events') where isleaf`);
      return rows[0]!;
    };
    // The session counts from before.
    const before = await count();
    await work(inside);
    const after = await count();
    return { all: after.all - before.all, hot: after.hot - before.hot };
  });
}

const delivered = {
  status: AttemptStatus.Successful,
  eventStatus: EventStatus.Successful,
  responseStatus: 200,
};

async function attemptsOf(event: string) {
  const { rows } = await db.query<Record<string, unknown>>(
    sql`select * from attempts where event_id = ${event} order by number`,
  );
  return rows;
}

test('an attempt is a row before anything is sent, and carries what is to be sent', async () => {
  const event = await oneEvent();
  const attempt = await begun(event);
  expect(attempt).toMatchObject({ number: 1, trigger: 'INITIAL', path: '/a', method: 'POST' });
  expect(attempt.attemptId).toBe(attemptId(event, 1));
  expect(await attemptsOf(event)).toMatchObject([{ status: null, number: 1 }]);
});

test('two that begin the same attempt at once: one does, the other finds it busy', async () => {
  const event = await oneEvent();
  const found = await Promise.all([begin(event), begin(event), begin(event)]);
  expect(found.filter((one) => typeof one !== 'string')).toHaveLength(1);
  expect(found.filter((one) => one === 'busy')).toHaveLength(2);
  expect(await attemptsOf(event)).toHaveLength(1);
});

test('finishing twice leaves the same as finishing once', async () => {
  const event = await oneEvent();
  const finished = ended(await begun(event), { nextAttemptAtMs: Date.now() + 60_000 });
  await finishAttempts(db, [finished]);
  const once = [await rowOf(db, event), await attemptsOf(event)];
  await finishAttempts(db, [finished]);
  expect([await rowOf(db, event), await attemptsOf(event)]).toEqual(once);
  expect(await rowOf(db, event)).toMatchObject({ attempts: 1, automatic_attempts: 1 });
});

test('an event that waits is begun when its time has come, not before', async () => {
  const event = await oneEvent();
  const dueAtMs = Date.now() + 60_000;
  await finishAttempts(db, [ended(await begun(event), { nextAttemptAtMs: dueAtMs })]);
  expect(await begin(event, { nowMs: dueAtMs - 1 })).toBe('later');
  expect(await begun(event, dueAtMs)).toMatchObject({ number: 2, trigger: 'AUTOMATIC' });
});

test.each([
  [EventStatus.Successful, 'settled'],
  [EventStatus.Failed, 'settled'],
])('an event that is %s is %s', async (eventStatus, kind) => {
  const event = await oneEvent();
  await finishAttempts(db, [ended(await begun(event), { eventStatus })]);
  expect(await begin(event)).toBe(kind);
});

test('an attempt nobody finished is closed by its own workflow, and the next number begins', async () => {
  const event = await oneEvent();
  await begun(event);
  const eventIds = [event];
  const other = { eventIds, workflowId: 'delivery/other', staleMs: LONGEST_MS };
  expect(await closeInterrupted(db, other)).toEqual([]);
  const own = { eventIds, workflowId: WORKFLOW, staleMs: LONGEST_MS };
  expect(await closeInterrupted(db, own)).toEqual(eventIds);
  expect(await closeInterrupted(db, own)).toEqual([]);
  expect(await begun(event)).toMatchObject({ number: 2, automaticAttempts: 0 });
  expect(await attemptsOf(event)).toMatchObject([
    { status: 'FAILED', error_code: 'UNKNOWN' },
    { status: null },
  ]);
});

test('an attempt older than any can last is closed by whoever finds it', async () => {
  const event = await oneEvent();
  await begun(event);
  await db.query(
    sql`update attempts set created_at = now() - interval '17 minutes' where event_id = ${event}`,
  );
  const order = { eventIds: [event], workflowId: 'delivery/other', staleMs: LONGEST_MS };
  expect(await closeInterrupted(db, order)).toEqual([event]);
});

test('an outcome that comes late, after its attempt was given up, is taken after all', async () => {
  const event = await oneEvent();
  const first = await begun(event);
  await closeInterrupted(db, { eventIds: [event], workflowId: WORKFLOW, staleMs: LONGEST_MS });
  const second = await begun(event);
  await finishAttempts(db, [ended(first, delivered)]);
  expect(await rowOf(db, event)).toMatchObject({ status: 'SUCCESSFUL' });
  await finishAttempts(db, [ended(second, { nextAttemptAtMs: Date.now() })]);
  expect(await rowOf(db, event)).toMatchObject({ status: 'SUCCESSFUL', next_attempt_at: null });
  expect(await attemptsOf(event)).toMatchObject([{ status: 'SUCCESSFUL' }, { status: 'FAILED' }]);
});

test('a cancellation while an attempt is under way stands, unless it was delivered after all', async () => {
  const [lost, won] = [await oneEvent(), await oneEvent()];
  const attempts = [await begun(lost), await begun(won)];
  await cancelEvents(db, { projectId, eventIds: [lost, won] });
  await finishAttempts(db, [
    ended(attempts[0]!, { nextAttemptAtMs: Date.now() }),
    ended(attempts[1]!, delivered),
  ]);
  expect(await rowOf(db, lost)).toMatchObject({ status: 'CANCELLED', next_attempt_at: null });
  expect(await rowOf(db, won)).toMatchObject({ status: 'SUCCESSFUL' });
});

test('a retry by hand asked for while an attempt is under way comes after it', async () => {
  const event = await oneEvent();
  const first = await begun(event);
  await requeueEvents(db, { projectId, eventIds: [event], trigger: AttemptTrigger.Manual });
  expect(await begin(event)).toBe('busy');
  await finishAttempts(db, [ended(first, { nextAttemptAtMs: Date.now() + 60_000 })]);
  expect(await begun(event)).toMatchObject({ number: 2, trigger: 'MANUAL' });
});

test('bodies of several answers are kept apart, whatever their bytes', async () => {
  const events = await makeEvents(db, ends, 3);
  const bodies = [Buffer.from([0, 0xff]), Buffer.alloc(0), Buffer.from('\\x00\n')];
  const finished = [];
  for (const [index, event] of events.entries()) {
    finished.push(ended(await begun(event), { ...delivered, responseBody: bodies[index]! }));
  }
  await finishAttempts(db, finished);
  for (const [index, event] of events.entries()) {
    expect((await attemptsOf(event))[0]!['body']).toEqual(bodies[index]);
  }
});

test('two outcomes of one event in one batch: the success stands', async () => {
  const results: unknown[] = [];
  for (const inOrder of [true, false]) {
    const event = await oneEvent();
    const first = await begun(event);
    await closeInterrupted(db, { eventIds: [event], workflowId: WORKFLOW, staleMs: LONGEST_MS });
    const both = [ended(first, { nextAttemptAtMs: 1 }), ended(await begun(event), delivered)];
    await finishAttempts(db, inOrder ? both : both.toReversed());
    results.push((await rowOf(db, event))['status']);
  }
  expect(results).toEqual(['SUCCESSFUL', 'SUCCESSFUL']);
});

test('a failure that comes after the success changes nothing the event shows', async () => {
  const event = await oneEvent();
  const first = await begun(event);
  await closeInterrupted(db, { eventIds: [event], workflowId: WORKFLOW, staleMs: LONGEST_MS });
  await finishAttempts(db, [ended(await begun(event), delivered)]);
  await finishAttempts(db, [ended(first, { nextAttemptAtMs: Date.now() + 60_000 })]);
  expect(await rowOf(db, event)).toMatchObject({
    status: 'SUCCESSFUL',
    response_status: 200,
    automatic_at: null,
  });
});

test('a cancelled event has no schedule left, also when an attempt was under way', async () => {
  const event = await oneEvent();
  const first = await begun(event);
  await cancelEvents(db, { projectId, eventIds: [event] });
  await finishAttempts(db, [ended(first, { nextAttemptAtMs: Date.now() + 60_000 })]);
  expect(await rowOf(db, event)).toMatchObject({ status: 'CANCELLED', automatic_at: null });
});

test('to settle an event on its usual way changes no index', async () => {
  const success = { status: AttemptStatus.Successful, eventStatus: EventStatus.Successful };
  const delivered = ended(await begun(await oneEvent()), { ...success, responseStatus: 200 });
  expect(await updatesOf((inside) => finishAttempts(inside, [delivered]))).toEqual({
    all: 1,
    hot: 1,
  });
  const failed = ended(await begun(await oneEvent()));
  expect(await updatesOf((inside) => finishAttempts(inside, [failed]))).toEqual({ all: 1, hot: 0 });
});

test('outcomes of an old event and a new one, written together, read none of those in between', async () => {
  const events = await makeEvents(db, ends, 400);
  const attempts = await Promise.all(events.map((event) => begun(event)));
  const [old, young] = [attempts[0]!, attempts.at(-1)!];
  const readOf = async (inside: Db) => {
    const { rows } = await inside.query<{ n: number }>(sql`
      select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as n from pg_stat_xact_user_tables
      where relname ~ '^(events|attempts)'`);
    return rows[0]!.n;
  };
  const read = await db.transaction(async (inside) => {
    // As the pipeline's connections do, which plan once and for all.
    await inside.query(sql`set local plan_cache_mode = force_generic_plan`);
    await inside.query(sql`set local enable_seqscan = off`);
    const before = await readOf(inside);
    await finishAttempts(inside, [ended(old, delivered), ended(young, delivered)]);
    return (await readOf(inside)) - before;
  });
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThan(50);
});
