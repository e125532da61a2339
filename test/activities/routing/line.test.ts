import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDestinationPace } from '../../../src/activities/destination-pace.ts';
import { wakeFirst } from '../../../src/activities/pump.ts';
import { createTraffic, type Traffic } from '../../../src/activities/traffic.ts';
import { createLine } from '../../../src/activities/turn.ts';
import { openGate, shutGate } from '../../../src/db/gates.ts';
import { ParkReason } from '../../../src/domain/control.ts';
import { createLog } from '../../../src/log.ts';
import { until } from '../../support/until.ts';
import { startRouting } from './routing.ts';

type Started = { workflowId: string; destinationId: string; eventIds: string[] };

let routing: Awaited<ReturnType<typeof startRouting>>;
let traffic: Traffic;
let waking: Parameters<typeof wakeFirst>[0];
const started: Started[] = [];

beforeAll(async () => {
  routing = await startRouting();
  waking = {
    db: routing.db,
    holder: () => null,
    wakeDelivery: () => Promise.resolve(false),
    startDelivery: (order) => Promise.resolve(void started.push(order)),
  };
  const log = createLog({ level: 'silent', name: 'test' });
  traffic = createTraffic({ ...waking, worker: 'test:1', log });
});
afterAll(() => traffic.close());

test('events of a destination that does not answer wait without a workflow, and go together when it answers again', async () => {
  const { db } = routing;
  const worker = routing.worker({
    line: createLine({ db, traffic, pace: createDestinationPace() }),
  });
  const { sourceId, destinationId } = await routing.define();
  const answer = (responseStatus: number | null) =>
    traffic.circuits.record(destinationId, { kind: 'failed', responseStatus } as never);
  for (let n = 0; n < 10; n++) answer(null);

  const requestIds = await routing.arrive(sourceId, {}, {}, {});
  for (const id of requestIds) {
    expect(await routing.route([id], worker)).toEqual([{ batches: [], remaining: [] }]);
  }
  const events = (await Promise.all(requestIds.map(routing.eventsOf))).flat();
  expect(events.map((event) => event.status)).toEqual(['QUEUED', 'QUEUED', 'QUEUED']);
  expect(started).toEqual([]);

  answer(200);
  const together = await until('a delivery', () => started[0]);
  expect(together).toMatchObject({ destinationId, eventIds: events.map((event) => event.id) });
  expect(together.workflowId).toMatch(new RegExp(`^delivery/dsp_.*/${destinationId}$`));

  const [later] = await routing.arrive(sourceId, {});
  const [step] = await routing.route([later!], worker);
  expect(step!.batches).toMatchObject([{ destinationId }]);
});

test.each(['destination', 'connection'] as const)(
  'events at a %s that is paused are held without a workflow, and go together when it opens',
  async (kind) => {
    const { db } = routing;
    const worker = routing.worker({
      line: createLine({ db, traffic, pace: createDestinationPace() }),
    });
    const { sourceId, destinationId, connectionId } = await routing.define();
    const gate = { kind, id: kind === 'destination' ? destinationId : connectionId };
    await shutGate(db, { gate, reason: null });
    await routing.configuration.refresh();

    const requestIds = await routing.arrive(sourceId, {}, {}, {});
    for (const id of requestIds) {
      expect(await routing.route([id], worker)).toEqual([{ batches: [], remaining: [] }]);
    }
    const statuses = async () =>
      (await Promise.all(requestIds.map(routing.eventsOf))).flat().map((event) => event.status);
    expect(await statuses()).toEqual(['HOLD', 'HOLD', 'HOLD']);

    started.length = 0;
    await openGate(db, gate);
    const order = { gateId: gate.id, reason: ParkReason.Paused, limit: 10 };
    expect(await wakeFirst(waking, order)).toEqual({ workflows: 1, events: 3 });
    expect(started).toMatchObject([{ destinationId }]);
    expect(started[0]!.eventIds).toHaveLength(3);
    expect(started[0]!.workflowId).toMatch(new RegExp(`^delivery/dsp_.*/${destinationId}/held$`));
    expect(await statuses()).toEqual(['QUEUED', 'QUEUED', 'QUEUED']);
  },
);

test('a gate that has opened a moment ago holds nothing, whatever is known of it here', async () => {
  const { db } = routing;
  const worker = routing.worker({
    line: createLine({ db, traffic, pace: createDestinationPace() }),
  });
  const { sourceId, destinationId } = await routing.define();
  const gate = { kind: 'destination' as const, id: destinationId };
  await shutGate(db, { gate, reason: null });
  await routing.configuration.refresh();
  await openGate(db, gate);
  const requestIds = await routing.arrive(sourceId, {});
  const [step] = await routing.route(requestIds, worker);
  expect(step!.batches).toMatchObject([{ destinationId }]);
});
