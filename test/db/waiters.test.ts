import sql from 'sql-template-tag';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { GateKind, ParkReason, type Gate } from '../../src/domain/control.ts';
import { beginAttempts } from '../../src/db/attempts.ts';
import { openGate, shutGate } from '../../src/db/gates.ts';
import { parkEvents } from '../../src/db/parked.ts';
import { holdWaiters, requeueWaiters, waitersAt } from '../../src/db/waiters.ts';
import { seedEvents, type Seed } from '../support/events.ts';
import { testDatabase } from '../support/postgres.ts';

const { db, drop } = await testDatabase();
afterAll(drop);

let seed: Seed;
beforeEach(async () => {
  seed = await seedEvents(db, { count: 4, laneKeys: ['', '', 'a', 'a'].map((key) => key || null) });
});

const gateOf = (kind: GateKind): Gate => ({
  kind,
  id: kind === GateKind.Destination ? seed.destinationId : seed.connectionId,
});

async function park(reason: ParkReason, eventIds: string[]): Promise<void> {
  const gateId = seed.destinationId;
  await parkEvents(db, { workflowId: `delivery/${reason}`, gateId, reason, eventIds, place: null });
}

async function hold(gateId: string): Promise<boolean[]> {
  const shut: boolean[] = [];
  for await (const eventIds of waitersAt(db, gateId)) {
    shut.push(await holdWaiters(db, { gateId, eventIds }));
  }
  return shut;
}

async function statuses(): Promise<string[]> {
  const { rows } = await db.query<{ status: string }>(
    sql`select status from events where id = any(${seed.eventIds}) order by id`,
  );
  return rows.map((row) => row.status);
}

test.each([GateKind.Destination, GateKind.Connection])(
  'what waits for its pace, its turn or in its lane is held while its %s is shut, and queued again afterwards',
  async (kind) => {
    const gate = gateOf(kind);
    await park(ParkReason.Pace, [seed.eventIds[0]!]);
    await park(ParkReason.Turn, [seed.eventIds[1]!]);
    await shutGate(db, { gate, reason: null });
    expect(new Set(await hold(gate.id))).toEqual(new Set([true]));
    expect(await statuses()).toEqual(['HOLD', 'HOLD', 'HOLD', 'HOLD']);

    await requeueWaiters(db, seed.eventIds);
    expect(await statuses()).toEqual(['HOLD', 'HOLD', 'HOLD', 'HOLD']);
    await openGate(db, gate);
    await requeueWaiters(db, seed.eventIds);
    expect(await statuses()).toEqual(['QUEUED', 'QUEUED', 'QUEUED', 'QUEUED']);
  },
);

test('nothing is held at a gate that is open', async () => {
  expect(await hold(seed.destinationId)).toEqual([false]);
  expect(await statuses()).toEqual(['QUEUED', 'QUEUED', 'QUEUED', 'QUEUED']);
});

test('what is being sent is not held', async () => {
  const [, , first, second] = seed.eventIds;
  await beginAttempts(db, {
    eventIds: [first!],
    workflowId: 'lanes/web_1',
    nowMs: Date.now(),
    inLane: true,
  });
  await shutGate(db, { gate: gateOf(GateKind.Destination), reason: null });
  await holdWaiters(db, { gateId: seed.destinationId, eventIds: [first!, second!] });
  expect(await statuses()).toEqual(['QUEUED', 'QUEUED', 'QUEUED', 'HOLD']);
});

test('another connection to the same destination is left alone', async () => {
  const { connectionId, destinationId, projectId } = seed;
  const others = await seedEvents(db, { count: 1 });
  await db.query(sql`update connections set destination_id = ${destinationId}, project_id = ${projectId}
    where id = ${others.connectionId}`);
  await db.query(
    sql`update events set destination_id = ${destinationId} where id = ${others.eventIds[0]}`,
  );
  await park(ParkReason.Pace, [seed.eventIds[0]!, others.eventIds[0]!]);
  await shutGate(db, { gate: { kind: GateKind.Connection, id: connectionId }, reason: null });
  await hold(connectionId);
  const { rows } = await db.query<{ status: string }>(
    sql`select status from events where id = ${others.eventIds[0]}`,
  );
  expect(rows).toEqual([{ status: 'QUEUED' }]);
  expect(await statuses()).toEqual(['HOLD', 'QUEUED', 'HOLD', 'HOLD']);
});

test('a long line is read in pages, to its end', async () => {
  const [eventId] = seed.eventIds;
  await db.query(sql`
    insert into parked (gate, reason, workflow_id, event_ids)
    select ${seed.destinationId}, 'pace', 'delivery/' || n, array[${eventId}] from generate_series(1, 45) as n`);
  await db.query(sql`
    insert into lane_events select ${seed.connectionId}, 'key' || n % 7, 'evt_' || n from generate_series(1, 2100) as n`);
  const pages: number[] = [];
  for await (const eventIds of waitersAt(db, seed.destinationId)) pages.push(eventIds.length);
  expect(pages).toEqual([20, 20, 5, 1_000, 1_000, 102]);
});
