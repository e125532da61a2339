import { pino } from 'pino';
import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { createControlActivities } from '../../src/activities/control.ts';
import { testDatabase } from '../support/postgres.ts';
import { makeEnds } from '../db/rows.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const { destinationId } = await makeEnds(db);

const { applyControl } = createControlActivities({
  db,
  holder: () => null,
  wakeDelivery: () => Promise.resolve(false),
  startDelivery: () => Promise.resolve(),
  room: () => 1,
  pace: () => Infinity,
  log: pino({ level: 'silent' }),
});

/** Sets a policy as the signal does; returns why it was refused, and the policy that the destination has then. */
async function set(policy: unknown): Promise<[refused: string | null, stored: unknown]> {
  const { refused } = await applyControl({
    gate: { kind: 'destination', id: destinationId },
    change: { kind: 'setDeliveryPolicy', policy },
  });
  const { rows } = await db.query<{ policy: unknown }>(
    sql`select config->'delivery_policy' as policy from destinations where id = ${destinationId}`,
  );
  return [refused, rows[0]?.policy];
}

test('the signal setDeliveryPolicy refuses what the API refuses, in the same words', async () => {
  const few = { concurrent: 3 };
  expect(await set(few)).toEqual([null, few]);
  expect(await set({})).toEqual([
    'policy limits nothing: give it rate, concurrent or groups, or null to remove it.',
    few,
  ]);
  expect(await set({ period: 'minute' })).toEqual(['policy.rate is required with period.', few]);
  expect(await set({ rate: 0 })).toEqual(['policy.rate must be 1 or more.', few]);
  expect(await set({ rate: 6 })).toEqual([null, { rate: 6, period: 'second' }]);
  expect(await set(null)).toEqual([null, null]);
});
