import { randomInt } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { beginAttempts } from '../../src/db/attempts.ts';
import { closeInterrupted } from '../../src/db/interrupted.ts';
import { openDispatcherSession } from '../../src/db/outbox-session.ts';
import { testDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { makeEnds, makeEvents } from './rows.ts';

const { db, url, drop } = await testDatabase();
afterAll(drop);
const ends = await makeEnds(db);
const PARENT = 'requests/dsp_1';
const CHILD = 'delivery/dsp_1/des_1';
const LONGEST_MS = 960_000;

async function heldBy(holder: number): Promise<string[]> {
  const eventIds = await makeEvents(db, ends, 1);
  await beginAttempts(db, { eventIds, workflowId: PARENT, nowMs: Date.now(), holder });
  return eventIds;
}

/** What another process closes of it, for the workflow that waits. */
const close = (eventIds: string[], { workflowId = CHILD, holder = 1 } = {}) =>
  closeInterrupted(db, { eventIds, workflowId, staleMs: LONGEST_MS, holder });

test('an attempt is closed by whoever finds it once the process that made it is gone, not before', async () => {
  const session = await openDispatcherSession(url, { onWork() {}, onError() {} });
  const eventIds = await heldBy(session.id);
  expect(await close(eventIds)).toEqual([]);
  // Not even by its own workflow: a second try of an activity may run while the first still sends.
  expect(await close(eventIds, { workflowId: PARENT })).toEqual([]);
  await session.close();
  const closed = await until('it to be closed', async () => {
    const found = await close(eventIds);
    return found.length > 0 ? found : null;
  });
  expect(closed).toEqual(eventIds);
});

test('what this process left open, and has not under way, is closed at once', async () => {
  const holder = randomInt(1, 2 ** 31 - 1);
  const eventIds = await heldBy(holder);
  expect(await close(eventIds, { holder })).toEqual(eventIds);
});
