import { afterAll, expect, test } from 'vitest';
import { createWakeAgain } from '../../src/activities/lost-wakes.ts';
import { newId } from '../../src/db/ids.ts';
import { parkEvents, takeParked } from '../../src/db/parked.ts';
import { ParkReason } from '../../src/domain/control.ts';
import { testDatabase } from '../support/postgres.ts';

const { db, drop } = await testDatabase();
afterAll(drop);

// The number of a session that never was.
const NOBODY = 7;

/** What a process leaves that ends between its row and its signal. */
async function takenByNobody(reason: ParkReason): Promise<{ gateId: string; workflowId: string }> {
  const gateId = newId('destination');
  const workflowId = `delivery/dsp_1/${gateId}`;
  await parkEvents(db, { gateId, reason, workflowId, eventIds: ['evt_1'], place: null });
  expect(await takeParked(db, { gateId, reason, limit: 1, wokenBy: NOBODY })).toHaveLength(1);
  return { gateId, workflowId };
}

test('what a process that is gone had taken to be woken is woken again, also where that fails at first', async () => {
  const turn = await takenByNobody(ParkReason.Turn);
  const paced = await takenByNobody(ParkReason.Pace);
  const turns: string[] = [];
  const woken: string[] = [];
  let isAway = true;
  const wakeAgain = createWakeAgain({
    db,
    holder: () => null,
    wakeDelivery: (workflowId) => {
      if (isAway) return Promise.reject(new Error('away'));
      woken.push(workflowId);
      return Promise.resolve(true);
    },
    startDelivery: () => Promise.reject(new Error('It has a workflow.')),
    admission: { turnedAway: (gateId) => void turns.push(gateId) },
  });
  await expect(wakeAgain()).rejects.toThrow('away');
  isAway = false;
  await wakeAgain();
  await wakeAgain();
  expect({ turns, woken }).toEqual({ turns: [turn.gateId], woken: [paced.workflowId] });
});
