import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { pump, wakeFirst } from '../../src/activities/pump.ts';
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
    const eventIds = Array.from({ length: 200 }, (_, i) => `evt_${n}_${i}`);
    await parkEvents(db, { ...turn, workflowId: idOf(n), eventIds, place: null, unstarted: true });
  }
  const started: string[] = [];
  let isAway = true;
  const deps = {
    db,
    holder: () => null,
    wakeDelivery: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(false)),
    startDelivery: ({ workflowId }: { workflowId: string }) =>
      Promise.resolve(void started.push(workflowId)),
  };
  await expect(wakeFirst(deps, { ...turn, limit: 1 })).rejects.toThrow('away');
  isAway = false;
  expect(await wakeFirst(deps, { ...turn, limit: 5 })).toEqual({ workflows: 2, events: 400 });
  expect(started).toEqual([idOf(1), idOf(2)]);
});

test('a row of more events than go together goes by itself', async () => {
  const gateId = newId('destination');
  const turn = { gateId, reason: ParkReason.Turn };
  const eventIds = Array.from({ length: 400 }, (_, i) => `evt_${i}`);
  const workflowId = `delivery/dsp_1/${gateId}`;
  await parkEvents(db, { ...turn, workflowId, eventIds, place: null, unstarted: true });
  const started: string[][] = [];
  const deps = {
    db,
    holder: () => null,
    wakeDelivery: () => Promise.resolve(false),
    startDelivery: (order: { eventIds: string[] }) =>
      Promise.resolve(void started.push(order.eventIds)),
  };
  expect(await wakeFirst(deps, { ...turn, limit: 1 })).toEqual({ workflows: 1, events: 400 });
  expect(started).toEqual([eventIds]);
});

test('what may leave at a rate is woken hardly sooner than it may leave', async () => {
  const gateId = newId('destination');
  const reason = ParkReason.Turn;
  for (let n = 0; n < 3; n++) {
    const eventIds = Array.from({ length: 130 }, (_, i) => `evt_${n}_${i}`);
    const workflowId = `delivery/dsp_${n}/${gateId}`;
    await parkEvents(db, { workflowId, gateId, reason, eventIds, place: null, unstarted: true });
  }
  const startedAtMs: number[] = [];
  const deps = {
    db,
    holder: () => null,
    wakeDelivery: () => Promise.resolve(false),
    async startDelivery({ workflowId }: { workflowId: string }) {
      startedAtMs.push(Date.now());
      await db.query(sql`delete from parked where workflow_id = ${workflowId}`);
    },
    room: () => 10,
    pace: () => 0.1,
  };
  expect(await pump(deps, { gateId, reason, beat: () => {} })).toBe(3);
  // 130 of them at 100/s take 1,300 ms, of which the pump may be early by a twentieth; at its own first pace 870 ms.
  const gapsMs = startedAtMs.slice(1).map((atMs, i) => atMs - startedAtMs[i]!);
  for (const gapMs of gapsMs) expect(gapMs).toBeGreaterThanOrEqual(1_130);
});
