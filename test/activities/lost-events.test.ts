import { setTimeout } from 'node:timers/promises';
import sql from 'sql-template-tag';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createLostEvents } from '../../src/activities/lost-events.ts';
import { beginAttempts } from '../../src/db/attempts.ts';
import { commitRouting } from '../../src/db/commit-routing.ts';
import { holdSweep, noteNamespace } from '../../src/db/lost.ts';
import { openDispatcherSession } from '../../src/db/outbox-session.ts';
import { parkEvents } from '../../src/db/parked.ts';
import { requeueEvents } from '../../src/db/recovery.ts';
import { testDatabase } from '../support/postgres.ts';
import { claim, makeEnds, makeEvents, planOf, rowOf, storeRequests } from '../db/rows.ts';

const { db, url, drop } = await testDatabase();
afterAll(drop);
const ends = await makeEnds(db);
const { destinationId, connectionId, projectId } = ends;

// What Temporal has, in a few lines: ids that run, and what was started since.
const running = new Set<string>();
let started: { workflowId: string; eventIds: string[] }[] = [];
let startedLanes: string[] = [];
let asked: string[] = [];
const HOUR_MS = 3_600_000;
// As much later as nobody would call late any more.
let laterMs = HOUR_MS;

const lost = ({ askingMs, answersAfterMs }: { askingMs?: number; answersAfterMs?: number } = {}) =>
  createLostEvents({
    db,
    ...(askingMs === undefined ? {} : { askingMs }),
    async isAlive(id) {
      asked.push(id);
      if (answersAfterMs !== undefined) await setTimeout(answersAfterMs);
      return running.has(id);
    },
    startDelivery(order) {
      running.add(order.workflowId);
      started.push(order);
      return Promise.resolve();
    },
    startLane: (id) => Promise.resolve(void startedLanes.push(id)),
    log: { warn() {} },
    now: () => Date.now() + laterMs,
  });

beforeEach(async () => {
  running.clear();
  [started, startedLanes, asked] = [[], [], []];
  laterMs = HOUR_MS;
  for (const table of ['events', 'attempts', 'parked', 'lane_events', 'lanes', 'outbox']) {
    await db.query({ text: `delete from ${table}` });
  }
});

const startedEvents = () => started.flatMap(({ eventIds }) => eventIds).toSorted();
const due = (eventIds: string[], status: string) =>
  db.query(sql`
    update events set status = ${status}, next_attempt_at = now() - interval '2 minutes' where id = any(${eventIds})`);

describe('an event whose workflow is gone', () => {
  test.each(['QUEUED', 'SCHEDULED', 'FAILED'])('%s and due, is taken on', async (status) => {
    const ids = await makeEvents(db, ends, 3);
    await due(ids, status);
    expect(await lost().look()).toBe(3);
    expect(startedEvents()).toEqual(ids);
    expect(started).toHaveLength(1);
    expect((await rowOf(db, ids[0]!))['workflow_id']).toBe(started[0]!.workflowId);
  });

  test('and that was never tried, is taken on, the newest and the oldest alike', async () => {
    const ids = await makeEvents(db, ends, 600);
    expect(await lost().look()).toBe(600);
    expect(startedEvents()).toEqual(ids);
    // Together they cost what one costs.
    expect(started.map(({ eventIds }) => eventIds.length)).toEqual([250, 250, 100]);
  });

  test('is taken on once, however often one looks, and again where that workflow is gone, too', async () => {
    const ids = await makeEvents(db, ends, 2);
    const watch = lost();
    await watch.look();
    await watch.look();
    await lost().look();
    expect(started).toHaveLength(1);
    running.clear();
    expect(await lost().look()).toBe(2);
    expect(started.map(({ eventIds }) => eventIds.toSorted())).toEqual([ids, ids]);
  });

  test('is taken on by one of two processes that look at once', async () => {
    const ids = await makeEvents(db, ends, 20);
    const found = await Promise.all([lost().look(), lost().look()]);
    expect(found.toSorted((a, b) => a - b)).toEqual([0, 20]);
    expect(startedEvents()).toEqual(ids);
  });

  test('is taken on where it was made long after it had come, behind all that was looked at', async () => {
    const [requestId] = await storeRequests(db, ends, 1);
    const watch = lost();
    await watch.look();
    const { dispatchId } = await claim(db);
    const plan = planOf(dispatchId, { requestIds: [requestId!], ends });
    const createdAtMs = Date.now() - 60_000;
    await commitRouting(db, { ...plan, events: [{ ...plan.events[0]!, createdAtMs }] });
    await db.query(sql`update events set next_attempt_at = next_attempt_at - interval '2 minutes'`);
    expect(await watch.look()).toBe(1);
  });

  test('is found by a retry’s time where nobody could be told of it', async () => {
    const ids = await makeEvents(db, ends, 1);
    await db.query(sql`update events set status = 'SUCCESSFUL'`);
    await requeueEvents(db, { projectId, eventIds: ids, trigger: 'MANUAL' });
    await db.query(sql`update events set next_attempt_at = next_attempt_at - interval '2 minutes'`);
    expect(await lost().look()).toBe(1);
  });
});

test('an event whose workflow is gone is found behind however many that are late and alive', async () => {
  const alive: string[] = [];
  for (let n = 0; n < 400; n++) {
    const [id] = await makeEvents(db, ends, 1);
    alive.push(id!);
    const { dispatch_id: dispatchId } = await rowOf(db, id!);
    running.add(`delivery/${dispatchId as string}/${destinationId}`);
  }
  await due(alive, 'QUEUED');
  const [gone] = await makeEvents(db, ends, 1);
  await due([gone!], 'QUEUED');
  const sweep = lost({ askingMs: 50, answersAfterMs: 1 });
  for (let look = 0; look < 400 && started.length === 0; look++) {
    await sweep.look();
    laterMs += 15_000;
  }
  expect(startedEvents()).toEqual([gone]);
});

describe('nothing is started for an event', () => {
  test.each([
    ['that is routed just now', (row: Row) => `requests/${row['dispatch_id'] as string}`],
    [
      'whose first delivery runs',
      (row: Row) => `delivery/${row['dispatch_id'] as string}/${destinationId}`,
    ],
    ['whose last workflow runs', (row: Row) => row['workflow_id'] as string],
  ])('%s', async (_why, idOf) => {
    const ids = await makeEvents(db, ends, 3);
    await db.query(
      sql`update events set workflow_id = 'delivery/dsp_other/x' where id = ${ids[0]}`,
    );
    const rows = await Promise.all(ids.map((id) => rowOf(db, id)));
    for (const row of rows) running.add(idOf(row));
    const watch = lost();
    expect(await watch.look()).toBe(0);
    // It is asked after so often, not at every look, and no more than once a workflow.
    expect(asked.length).toBeLessThanOrEqual(6);
    running.clear();
    laterMs += HOUR_MS;
    expect(await watch.look()).toBe(3);
    expect(startedEvents()).toEqual(ids);
  });

  test('that is not due', async () => {
    const ids = await makeEvents(db, ends, 2);
    await db.query(sql`
      update events set status = 'SCHEDULED', next_attempt_at = now() + interval '1 minute'`);
    expect(await lost().look()).toBe(0);
    await due(ids, 'SCHEDULED');
    expect(await lost().look()).toBe(2);
  });

  test('that came just now', async () => {
    await makeEvents(db, ends, 2);
    laterMs = 0;
    const watch = lost();
    expect(await watch.look()).toBe(0);
    laterMs = HOUR_MS;
    expect(await watch.look()).toBe(2);
  });

  test.each(['SUCCESSFUL', 'CANCELLED', 'HOLD', 'FAILED'])(
    'that is %s for good',
    async (status) => {
      const [id, other] = await makeEvents(db, ends, 2);
      await db.query(sql`update events set status = ${status} where id = ${id}`);
      expect(await lost().look()).toBe(1);
      expect(startedEvents()).toEqual([other]);
    },
  );

  test.each([true, false])(
    'that waits for its turn in a row (unstarted: %s)',
    async (unstarted) => {
      const [id, other] = await makeEvents(db, ends, 2);
      const workflowId = `delivery/dsp_1/${destinationId}`;
      const row = { workflowId, gateId: destinationId, reason: 'turn' as const, place: null };
      await parkEvents(db, { ...row, eventIds: [id!], unstarted });
      running.add(workflowId);
      const watch = lost();
      expect(await watch.look()).toBe(1);
      expect(startedEvents()).toEqual([other]);
      await db.query(sql`delete from parked`);
      laterMs += HOUR_MS;
      expect(await watch.look()).toBe(1);
      expect(startedEvents()).toEqual([id!, other!].toSorted());
    },
  );

  test('whose attempt is under way in a process that lives, and then it is where that has died', async () => {
    const session = await openDispatcherSession(url, { onWork() {}, onError() {} });
    const eventIds = await makeEvents(db, ends, 1);
    const order = { workflowId: 'requests/x', nowMs: Date.now(), holder: session.id };
    expect(await beginAttempts(db, { ...order, eventIds })).toMatchObject([{ kind: 'begun' }]);
    const watch = lost();
    expect(await watch.look()).toBe(0);
    await session.close();
    laterMs += HOUR_MS;
    await expect.poll(() => watch.look(), { timeout: 10_000 }).toBe(1);
  });
});
type Row = Record<string, unknown>;

test('a delivery that waits for its pace goes on in another where its workflow is gone', async () => {
  const [id, other] = await makeEvents(db, ends, 2);
  const row = { gateId: destinationId, reason: 'pace' as const, place: null };
  const idOf = (name: string) => `delivery/${name}/${destinationId}`;
  await parkEvents(db, { ...row, workflowId: idOf('dsp_gone'), eventIds: [id!] });
  await parkEvents(db, { ...row, workflowId: idOf('dsp_runs'), eventIds: [other!] });
  await db.query(sql`update parked set parked_at = now() - interval '5 minutes'`);
  running.add(idOf('dsp_runs'));
  expect(await lost().look()).toBe(1);
  expect(started).toEqual([{ workflowId: idOf('dsp_gone'), destinationId, eventIds: [id] }]);
});

test('lanes that nobody looks at are given a workflow, those that have one are left alone', async () => {
  const ids = await makeEvents(db, ends, 1);
  await db.query(sql`update events set lane_key = 'k'`);
  await db.query(sql`insert into lane_events values (${connectionId}, 'k', ${ids[0]})`);
  running.add(`lane/${connectionId}`);
  const watch = lost();
  expect(await watch.look()).toBe(0);
  running.clear();
  laterMs += HOUR_MS;
  expect(await watch.look()).toBe(1);
  expect(startedLanes).toEqual([connectionId]);
  // The lane delivers it: nobody else does.
  expect(started).toEqual([]);
});

test('one process sweeps at a time, and another as soon as it does not', async () => {
  const hold = (holder: number, forMs = 60_000) => holdSweep(db, { name: 'test', holder, forMs });
  expect(await hold(1)).toBe(true);
  expect(await hold(2)).toBe(false);
  expect(await hold(1, 1)).toBe(true);
  await expect.poll(() => hold(2), { timeout: 5_000 }).toBe(true);
  expect(await hold(1)).toBe(false);
});

test('where Temporal is another one, gates are given their workflows again', async () => {
  await db.query(sql`update destinations set control_started_at = now()`);
  const uncontrolled = async () =>
    (await db.query(sql`select 1 from destinations where control_started_at is null`)).rows.length;
  expect(await noteNamespace(db, { name: 'default', id: 'one' })).toBe(false);
  expect(await noteNamespace(db, { name: 'default', id: 'one' })).toBe(false);
  expect(await uncontrolled()).toBe(0);
  expect(await noteNamespace(db, { name: 'default', id: 'two' })).toBe(true);
  expect(await uncontrolled()).toBe(1);
  expect(await noteNamespace(db, { name: 'default', id: 'two' })).toBe(false);
});
