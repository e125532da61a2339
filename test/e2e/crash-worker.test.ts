import { beforeAll, expect, test } from 'vitest';
import { requestIdOf, type Answer, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { temporalClient } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin } = gateway;
const { workflow: workflows } = await temporalClient(gateway.temporalAddress);

const BATCH = 20;
const WAIT_MS = 12_000;
const successful = ({ status }: Json) => status === 'SUCCESSFUL';
const released = Promise.withResolvers<void>();
let held = '';
let counted = '';
let waiting = '';
let batch: string[] = [];

const sourceOf = (name: string, count: number, interval: number) =>
  admin.define({
    name,
    url: receiver.url(name),
    rules: [{ type: 'retry', strategy: 'linear', interval, count }],
  });

/** Requests that are claimed together, to a destination whose first answers were fast: their first attempts run inside the parent workflow. */
async function sendBatch(): Promise<string[]> {
  const destination = { delivery_timeout: 60 };
  await admin.define({ name: 'batch', url: receiver.url('batch'), destination });
  for (let round = 1; round <= 3; round++) {
    await Promise.all(Array.from({ length: BATCH }, () => admin.post('batch', '{"warm":true}')));
    await receiver.nth('batch', round * BATCH);
  }
  receiver.script('batch', [{ until: released.promise }]);
  const sent: Answer[] = await Promise.all(
    Array.from({ length: BATCH }, () => admin.post('batch')),
  );
  await receiver.nth('batch', 4 * BATCH);
  // The parent lets go of them after a few seconds; then a workflow of the destination waits for them.
  const routing = `WorkflowType = 'processRequests' and ExecutionStatus = 'Running'`;
  await until('no parent at work', async () => (await workflows.count(routing)).count === 0);
  return sent.map(requestIdOf);
}

const deliveredSoon = (requestId: string) =>
  admin.eventWhere(requestId, { what: 'is delivered', wanted: successful });

// One kill -9 in the middle of everything.
beforeAll(async () => {
  batch = await sendBatch();

  receiver.script('waiting', [{ status: 500 }, { status: 200 }]);
  await sourceOf('waiting', 1, WAIT_MS);
  waiting = requestIdOf(await admin.post('waiting'));
  const once = ({ attempts, status }: Json) => attempts === 1 && status === 'FAILED';
  await admin.eventWhere(waiting, { what: 'waits', wanted: once });

  receiver.script('held', [{ until: released.promise }, { status: 200 }]);
  await admin.define({ name: 'held', url: receiver.url('held') });
  held = requestIdOf(await admin.post('held', '{"kept":true}'));
  await receiver.nth('held', 1);

  receiver.script('counted', [{ until: released.promise }, { status: 500 }, { status: 200 }]);
  await sourceOf('counted', 1, 300);
  counted = requestIdOf(await admin.post('counted'));
  await receiver.nth('counted', 1);

  await gateway.worker.kill();
  receiver.script('batch', [{ status: 200 }]);
  released.resolve();
  await gateway.worker.start();
});

test('kill -9 of the worker in the middle of a delivery: delivered after its restart, and the attempts explain it', async () => {
  const event = await deliveredSoon(held);
  expect(event).toMatchObject({ attempts: 2 });
  const [first, second, ...more] = receiver.received('held');
  expect(more).toEqual([]);
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  expect(second!.body.equals(first!.body)).toBe(true);
  expect(second!.headers['x-sluice-attempt-count']).toBe('2');

  const attempts = await admin.attemptsOf(event['id']);
  expect(attempts).toMatchObject([
    { attempt_number: 1, status: 'FAILED', error_code: 'UNKNOWN', response_status: null },
    { attempt_number: 2, status: 'SUCCESSFUL', response_status: 200 },
  ]);
  expect(attempts[0]!['message']).toMatch(/worker stopped/);
});

test('an interrupted attempt does not count against the retry rule', async () => {
  expect(await deliveredSoon(counted)).toMatchObject({ attempts: 3 });
});

test('a retry that waits survives the worker, and comes at its time', async () => {
  expect(await deliveredSoon(waiting)).toMatchObject({ attempts: 2 });
  const [first, second] = receiver.received('waiting');
  expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(WAIT_MS);
});

test('attempts begun inside a parent workflow are made again soon by the one that waits for them', async () => {
  const open = async () => {
    const events = (await Promise.all(batch.map((id) => admin.eventsOf(id)))).flat();
    return events.filter((event) => !successful(event)).map((event) => event['id'] as string);
  };
  await until('none open', async () => (await open()).length === 0);
  expect(await open()).toEqual([]);
});
