import { afterAll, expect, test } from 'vitest';
import { wakeFirst } from '../../src/activities/pump.ts';
import { newId } from '../../src/db/ids.ts';
import { parkEvents } from '../../src/db/parked.ts';
import { ParkReason } from '../../src/domain/control.ts';
import { testDatabase } from '../support/postgres.ts';

const { db, drop } = await testDatabase();
afterAll(drop);

test('one that could not be woken keeps its place in line', async () => {
  const destinationId = newId('destination');
  const turn = { gateId: destinationId, reason: ParkReason.Turn };
  const idOf = (n: number) => `delivery/dsp_${n}/${destinationId}`;
  for (const n of [1, 2]) {
    const eventIds = Array.from({ length: 120 }, (_, i) => `evt_${n}_${i}`);
    await parkEvents(db, { ...turn, workflowId: idOf(n), eventIds, place: null, unstarted: true });
  }
  const started: string[] = [];
  let isAway = true;
  const deps = {
    db,
    wakeDelivery: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(false)),
    startDelivery: ({ workflowId }: { workflowId: string }) =>
      Promise.resolve(void started.push(workflowId)),
  };
  await expect(wakeFirst(deps, { ...turn, limit: 1 })).rejects.toThrow('away');
  isAway = false;
  expect(await wakeFirst(deps, { ...turn, limit: 5 })).toEqual({ workflows: 2, events: 240 });
  expect(started).toEqual([idOf(1), idOf(2)]);
});
