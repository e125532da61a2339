import sql from 'sql-template-tag';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ParkReason } from '../../src/domain/control.ts';
import { openGate, shutGate } from '../../src/db/gates.ts';
import { newId } from '../../src/db/ids.ts';
import {
  clearParked,
  countWoken,
  holdEvents,
  joinParked,
  listForgotten,
  listNeglected,
  parkEvents,
  resetWakesOfTheDead,
  takeParked,
} from '../../src/db/parked.ts';
import { openDispatcherSession } from '../../src/db/outbox-session.ts';
import { openDatabase, type Db } from '../../src/db/pool.ts';
import { seedEvents, type Seed } from '../support/events.ts';
import { testDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: TestDatabase['db'];
let seed: Seed;

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
});
afterAll(() => database.drop());
beforeEach(async () => {
  seed = await seedEvents(db, { count: 2 });
});

const workflowId = 'delivery/dsp_1/des_1';
const paused = ParkReason.Paused;

function hold(on: Db = db): Promise<string[]> {
  const held = seed.eventIds.map((eventId) => ({ eventId, gateId: seed.destinationId }));
  return holdEvents(on, { workflowId, held });
}
const gate = () => ({ kind: 'destination' as const, id: seed.destinationId });
const take = () =>
  takeParked(db, { gateId: seed.destinationId, reason: paused, limit: 10, wokenBy: null });

async function statuses(): Promise<string[]> {
  const { rows } = await db.query<{ status: string; trigger: string }>(
    sql`select status, trigger from events where id = any(${seed.eventIds})`,
  );
  return rows.map((row) => `${row.status} ${row.trigger}`);
}

describe('events at a gate', () => {
  test('are held where it is shut', async () => {
    await shutGate(db, { gate: gate(), reason: null });
    expect(await hold()).toHaveLength(2);
    expect(await statuses()).toEqual(['HOLD UNPAUSE', 'HOLD UNPAUSE']);
  });

  test('are not held where it has opened meanwhile', async () => {
    expect(await hold()).toEqual([]);
    expect(await statuses()).toEqual(['QUEUED INITIAL', 'QUEUED INITIAL']);
  });

  test('are found by whoever opens it, however close in time the two are', async () => {
    await shutGate(db, { gate: gate(), reason: null });
    const opened = await db.transaction(async (tx) => {
      await hold(tx);
      const opening = openGate(db, gate());
      const first = await Promise.race([opening, aMoment(tx)]);
      expect(first).toBeUndefined();
      return { opening };
    });
    await opened.opening;
    expect(await take()).toMatchObject([{ workflowId }]);
  });

  test('are taken once, and not while it is shut', async () => {
    await shutGate(db, { gate: gate(), reason: null });
    await hold();
    expect(await take()).toEqual([]);
    await openGate(db, gate());
    const [parked] = await take();
    expect(new Set(parked!.eventIds)).toEqual(new Set(seed.eventIds));
    expect(await take()).toEqual([]);
    const woken = { gateId: seed.destinationId, reason: paused, withinMs: 10_000 };
    expect(await countWoken(db, woken)).toBe(1);
  });

  test('whose row has vanished are found although nobody stands for them', async () => {
    await shutGate(db, { gate: gate(), reason: null });
    await hold();
    await db.query(sql`delete from parked where gate = ${seed.destinationId}`);
    const mine = async () =>
      (await listForgotten(db, { afterMs: 0 })).flatMap((one) =>
        one.eventIds.filter((id) => seed.eventIds.includes(id)),
      );
    expect(await mine()).toEqual([]);
    await openGate(db, gate());
    expect(new Set(await mine())).toEqual(new Set(seed.eventIds));
  });

  test('that wait at an open gate are neglected', async () => {
    await shutGate(db, { gate: gate(), reason: null });
    await hold();
    const mine = async () =>
      (await listNeglected(db, { turnMs: 60_000, openMs: 0 })).filter(
        (n) => n.gateId === gate().id,
      );
    expect(await mine()).toEqual([]);
    await openGate(db, gate());
    expect(await mine()).toEqual([{ gateId: seed.destinationId, reason: paused }]);
  });
});

test('one that waits again for its turn keeps its place', async () => {
  const [first, second] = seed.eventIds as [string, string];
  const turn = { gateId: seed.destinationId, reason: ParkReason.Turn };
  const wait = (id: string, eventId: string, place: string | null = null) =>
    parkEvents(db, { ...turn, workflowId: id, eventIds: [eventId], place });
  await wait('delivery/a', first);
  await wait('delivery/b', second);
  const place = await clearParked(db, { workflowId: 'delivery/a', eventIds: [first] });
  await wait('delivery/a', first, place);
  const taken = await takeParked(db, { ...turn, limit: 10, wokenBy: null });
  expect(taken.map((one) => one.workflowId)).toEqual(['delivery/a', 'delivery/b']);
});

test('a row goes when the last of its events is looked at', async () => {
  const [first, second] = seed.eventIds as [string, string];
  const turn = { gateId: seed.destinationId, reason: ParkReason.Turn };
  await parkEvents(db, {
    ...turn,
    workflowId: 'delivery/c',
    eventIds: [first, second],
    place: null,
  });
  await clearParked(db, { workflowId: 'delivery/c', eventIds: [second] });
  const [left] = await takeParked(db, { ...turn, limit: 10, wokenBy: null });
  expect(left).toEqual({ workflowId: 'delivery/c', eventIds: [first], unstarted: false });
  await clearParked(db, { workflowId: 'delivery/c', eventIds: [first] });
  expect(await countWoken(db, { ...turn, withinMs: 10_000 })).toBe(0);
});

test('only those of the same destination go along', async () => {
  const gateId = newId('connection');
  const turn = { gateId, reason: ParkReason.Turn };
  const wait = (id: string, eventId: string) =>
    parkEvents(db, { ...turn, workflowId: id, eventIds: [eventId], place: null, unstarted: true });
  await wait('delivery/dsp_1/des_a/held', 'evt_1');
  await wait('delivery/dsp_2/des_b/held', 'evt_2');
  await wait('delivery/dsp_3/des_a/held', 'evt_3');
  await takeParked(db, { ...turn, limit: 1, wokenBy: null });
  const order = { ...turn, workflowId: 'delivery/dsp_1/des_a/held', most: 100 };
  expect(await joinParked(db, order)).toEqual(['evt_1', 'evt_3']);
});

test.each([2, 5, 20])(
  'of %i in line no more are taken than asked for, however little is known of the table',
  async (n) => {
    // Plans for a table that was empty when it was last looked at.
    await db.query(sql`delete from parked`);
    await db.query(sql`analyze parked`);
    const steady = openDatabase(database.url, { max: 1, steady: true, onError: () => {} });
    const turn = { gateId: newId('destination'), reason: ParkReason.Turn };
    for (let i = 0; i < n; i++) {
      const one = { workflowId: `w${i}`, eventIds: [`evt_${i}`], place: null, unstarted: true };
      await parkEvents(steady, { ...turn, ...one });
    }
    for (let i = 0; i < n; i++) {
      expect(await takeParked(steady, { ...turn, limit: 1, wokenBy: null })).toMatchObject([
        { workflowId: `w${i}` },
      ]);
    }
    expect(await takeParked(steady, { ...turn, limit: 1, wokenBy: null })).toEqual([]);
    await steady.close();
  },
);

test('those in line without a workflow go along with the first, as far as they are few', async () => {
  const gateId = newId('destination');
  const turn = { gateId, reason: ParkReason.Turn };
  const wait = (n: number, count: number, unstarted = true) => {
    const eventIds = Array.from({ length: count }, (_, i) => `evt_${n}_${i}`);
    return parkEvents(db, { ...turn, workflowId: `w${n}`, eventIds, place: null, unstarted });
  };
  await wait(1, 2);
  await wait(2, 3, false);
  await wait(3, 2);
  await wait(4, 2);
  const taken = await takeParked(db, { ...turn, limit: 1, wokenBy: null });
  expect(taken).toMatchObject([{ workflowId: 'w1', unstarted: true }]);
  const joined = await joinParked(db, { ...turn, workflowId: 'w1', most: 3 });
  expect(joined).toEqual(['evt_1_0', 'evt_1_1', 'evt_3_0', 'evt_3_1']);
  expect(await takeParked(db, { ...turn, limit: 9, wokenBy: null })).toMatchObject([
    { workflowId: 'w2', unstarted: false },
    { workflowId: 'w4', unstarted: true },
  ]);
  await clearParked(db, { workflowId: 'w1', eventIds: joined });
  expect(await countWoken(db, { ...turn, withinMs: 10_000 })).toBe(2);
  // Where the one that was taken is gone, those behind it stay in line.
  await wait(5, 1);
  expect(await joinParked(db, { ...turn, workflowId: 'w1', most: 3 })).toEqual([]);
  expect(await takeParked(db, { ...turn, limit: 9, wokenBy: null })).toMatchObject([
    { workflowId: 'w5' },
  ]);
});

/** Long enough for whoever is not held up. */
function aMoment(tx: Db): Promise<undefined> {
  return tx.query(sql`select pg_sleep(0.3)`).then(() => undefined);
}

test('wake-ups of a process that is gone count as not sent, those of one that lives stand', async () => {
  const session = () => openDispatcherSession(database.url, { onWork() {}, onError() {} });
  const [living, ended] = [await session(), await session()];
  const turn = { gateId: newId('destination'), reason: ParkReason.Turn };
  const wokenBy = { w1: living.id, w2: ended.id, w3: null };
  for (const [name, by] of Object.entries(wokenBy)) {
    await parkEvents(db, { ...turn, workflowId: name, eventIds: ['evt_1'], place: null });
    expect(await takeParked(db, { ...turn, limit: 1, wokenBy: by })).toMatchObject([
      { workflowId: name },
    ]);
  }
  expect(await resetWakesOfTheDead(db)).toEqual([]);
  await ended.close();
  expect(await resetWakesOfTheDead(db)).toEqual([{ ...turn, workflows: 1 }]);
  expect(await takeParked(db, { ...turn, limit: 9, wokenBy: null })).toMatchObject([
    { workflowId: 'w2' },
  ]);
  await living.close();
});
