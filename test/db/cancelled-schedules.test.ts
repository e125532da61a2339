import sql from 'sql-template-tag';
import { afterAll, describe, expect, test } from 'vitest';
import { finishAttempts, type BegunAttempt } from '../../src/db/attempts.ts';
import { cancelClosed } from '../../src/db/interrupted.ts';
import { cancelEvents, requeueEvents } from '../../src/db/recovery.ts';
import type { SentAttempt } from '../../src/domain/outcome.ts';
import { settle } from '../../src/domain/settle.ts';
import { AttemptTrigger } from '../../src/domain/status.ts';
import { testDatabase } from '../support/postgres.ts';
import { createAttempts, ended } from './attempts-made.ts';
import { makeEnds, rowOf } from './rows.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const ends = await makeEnds(db);
const { projectId } = ends;
const HOUR_MS = 3_600_000;
const rule = { strategy: 'linear', intervalMs: HOUR_MS, count: 5 } as const;

const attempts = createAttempts(db, ends);
const { oneEvent } = attempts;
const begin = (event: string) => attempts.begun(event, Date.now() + 5);

/** The attempt fails, and what its connection's rule makes of that is written. */
async function fail(attempt: BegunAttempt): Promise<void> {
  const { trigger, automaticAttempts, automaticAtMs } = attempt;
  const nowMs = Date.now();
  const outcome = { kind: 'failed', responseStatus: 500, retryAfter: null } as SentAttempt;
  const settled = settle({
    outcome,
    rule,
    trigger,
    automaticAttempts,
    automaticAtMs,
    nowMs,
    random: 0,
  });
  await finishAttempts(db, [ended(attempt, settled)]);
}

const cancel = (event: string) => cancelEvents(db, { projectId, eventIds: [event] });
const retry = (event: string) =>
  requeueEvents(db, { projectId, eventIds: [event], trigger: AttemptTrigger.Manual });

/** As if the time it is due at had passed while it waited. */
const overdue = (event: string) =>
  db.query(sql`update events set next_attempt_at = now() - interval '1 hour',
    automatic_at = now() - interval '1 hour' where id = ${event}`);

const OVER = { status: 'FAILED', next_attempt_at: null, automatic_at: null };

async function nextInMs(event: string): Promise<number> {
  const row = await rowOf(db, event);
  return (row['next_attempt_at'] as Date).getTime() - Date.now();
}

describe('a schedule that was ended stays so when a retry by hand fails', () => {
  test('ended by a cancellation', async () => {
    const event = await oneEvent();
    await fail(await begin(event));
    await cancel(event);
    await retry(event);
    await fail(await begin(event));
    expect(await rowOf(db, event)).toMatchObject(OVER);
  });

  test('ended because its destination was disabled', async () => {
    const event = await oneEvent();
    await fail(await begin(event));
    await overdue(event);
    await cancelClosed(db, [event]);
    await retry(event);
    await fail(await begin(event));
    expect(await rowOf(db, event)).toMatchObject(OVER);
  });

  test('ended while the first attempt was under way', async () => {
    const event = await oneEvent();
    const first = await begin(event);
    await cancel(event);
    await retry(event);
    await fail(first);
    expect(await rowOf(db, event)).toMatchObject({ status: 'QUEUED', trigger: 'MANUAL' });
    await fail(await begin(event));
    expect(await rowOf(db, event)).toMatchObject(OVER);
  });

  test('ended while an automatic attempt was under way', async () => {
    const event = await oneEvent();
    await fail(await begin(event));
    await overdue(event);
    const automatic = await begin(event);
    await cancel(event);
    await retry(event);
    await fail(automatic);
    await fail(await begin(event));
    expect(await rowOf(db, event)).toMatchObject(OVER);
  });

  test('ended while a retry by hand was under way, of which the second still comes', async () => {
    const event = await oneEvent();
    await fail(await begin(event));
    await retry(event);
    const byHand = await begin(event);
    await cancel(event);
    // So long ago that the second retry is certainly the later one.
    await db.query(sql`
      update attempts set created_at = created_at - interval '1 s' where id = ${byHand.attemptId}`);
    await retry(event);
    await fail(byHand);
    expect(await rowOf(db, event)).toMatchObject({ status: 'QUEUED', trigger: 'MANUAL' });
    await fail(await begin(event));
    expect(await rowOf(db, event)).toMatchObject(OVER);
  });
});

describe('a schedule that was not ended goes on as the rule says, never at once', () => {
  test('where it was due while the event was held', async () => {
    const event = await oneEvent();
    await fail(await begin(event));
    await overdue(event);
    await db.query(sql`update events set status = 'HOLD' where id = ${event}`);
    await retry(event);
    await fail(await begin(event));
    expect(await nextInMs(event)).toBeGreaterThan(HOUR_MS - 60_000);
  });

  test('where the event had not been sent yet', async () => {
    const event = await oneEvent();
    await retry(event);
    await retry(event);
    await fail(await begin(event));
    expect(await nextInMs(event)).toBeGreaterThan(HOUR_MS - 60_000);
  });

  test('where the event was delayed: it comes at its time', async () => {
    const event = await oneEvent();
    await db.query(sql`update events set status = 'SCHEDULED',
      next_attempt_at = now() + interval '10 minutes' where id = ${event}`);
    await retry(event);
    await fail(await begin(event));
    expect(await nextInMs(event)).toBeGreaterThan(9 * 60_000);
    expect(await nextInMs(event)).toBeLessThan(11 * 60_000);
  });

  test('where the first attempt was under way: what it planned holds', async () => {
    const event = await oneEvent();
    const first = await begin(event);
    await retry(event);
    await fail(first);
    await fail(await begin(event));
    expect(await nextInMs(event)).toBeGreaterThan(HOUR_MS - 60_000);
  });
});
