import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { commitRouting } from '../../src/db/commit-routing.ts';
import { openGate, shutGate } from '../../src/db/gates.ts';
import { listForgotten, takeParked } from '../../src/db/parked.ts';
import { listRouted, type RoutedEvent } from '../../src/db/routing.ts';
import { GateKind, ParkReason, type Gate } from '../../src/domain/control.ts';
import { deliveryWorkflowId } from '../../src/domain/workflow-id.ts';
import { seedEvents } from '../support/events.ts';
import { testDatabase } from '../support/postgres.ts';
import { claim, planOf, storeRequests } from './rows.ts';

const { db, drop } = await testDatabase();
afterAll(drop);

type Routed = { events: RoutedEvent[]; dispatchId: string; requestIds: string[] };

/** Routes requests whose gate is believed to be shut; `laneKey` puts their events in a lane. */
async function routeAtGate(
  kind: GateKind,
  { isShut, laneKey = null }: { isShut: boolean; laneKey?: string | null },
): Promise<Routed & { gate: Gate; destinationId: string }> {
  const { eventIds: _, ...ends } = await seedEvents(db, { count: 0 });
  const { destinationId, connectionId } = ends;
  const gate = { kind, id: kind === GateKind.Destination ? destinationId : connectionId };
  if (isShut) await shutGate(db, { gate, reason: null });
  const requestIds = await storeRequests(db, ends, 3);
  const { dispatchId } = await claim(db);
  const plan = planOf(dispatchId, { requestIds, ends });
  const planned = plan.events.map((event) => ({ ...event, laneKey, shutGate: gate.id }));
  const events = await commitRouting(db, { ...plan, events: planned });
  return { events, dispatchId, requestIds, gate, destinationId };
}

const take = (gateId: string) =>
  takeParked(db, { gateId, reason: ParkReason.Paused, limit: 10, wokenBy: null });

test.each([GateKind.Destination, GateKind.Connection])(
  'events of a %s that is paused are held as they are made, and started together when it opens',
  async (kind) => {
    const { events, dispatchId, requestIds, gate, destinationId } = await routeAtGate(kind, {
      isShut: true,
    });
    expect(events.map(({ isHeld }) => isHeld)).toEqual([true, true, true]);
    const ids = events.map(({ id }) => id).toSorted();
    const { rows } = await db.query(
      sql`select distinct status, trigger, workflow_id from events where id = any(${ids})`,
    );
    const workflowId = `requests/${dispatchId}`;
    expect(rows).toEqual([{ status: 'HOLD', trigger: 'UNPAUSE', workflow_id: workflowId }]);
    expect(await listRouted(db, { dispatchId, requestIds })).toMatchObject(
      ids.map((id) => ({ id, isHeld: true })),
    );

    await openGate(db, gate);
    // A row stands for them, though not under the name that stands on them.
    expect(await listForgotten(db, { afterMs: 0 })).toEqual([]);
    const delivery = deliveryWorkflowId({ dispatchId, destinationId, part: 'held' });
    expect(await take(gate.id)).toEqual([{ workflowId: delivery, eventIds: ids, unstarted: true }]);
    await db.query(sql`delete from parked where gate = ${gate.id}`);
    expect(await listForgotten(db, { afterMs: 0 })).toEqual([
      { workflowId, dispatchId, destinationId, eventIds: ids },
    ]);
    await db.query(sql`update events set status = 'QUEUED' where id = any(${ids})`);
  },
);

test('events whose gate has opened before they were made are not held', async () => {
  const { events, gate } = await routeAtGate(GateKind.Destination, { isShut: false });
  expect(events.map(({ isHeld }) => isHeld)).toEqual([false, false, false]);
  expect(await take(gate.id)).toEqual([]);
});

test('events in a lane are held, and left to the lane', async () => {
  const { events, gate } = await routeAtGate(GateKind.Connection, { isShut: true, laneKey: 'a' });
  expect(events.map(({ isHeld }) => isHeld)).toEqual([true, true, true]);
  await openGate(db, gate);
  expect(await take(gate.id)).toEqual([]);
});
