import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDestinationPace } from '../../../src/activities/destination-pace.ts';
import { createTraffic, type Traffic } from '../../../src/activities/traffic.ts';
import { createLine } from '../../../src/activities/turn.ts';
import { createLog } from '../../../src/log.ts';
import { until } from '../../support/until.ts';
import { startRouting } from './routing.ts';

type Started = { workflowId: string; destinationId: string; eventIds: string[] };

let routing: Awaited<ReturnType<typeof startRouting>>;
let traffic: Traffic;
const started: Started[] = [];

beforeAll(async () => {
  routing = await startRouting();
  traffic = createTraffic({
    db: routing.db,
    worker: 'test:1',
    log: createLog({ level: 'silent', name: 'test' }),
    wakeDelivery: () => Promise.resolve(false),
    startDelivery: (order) => Promise.resolve(void started.push(order)),
  });
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
