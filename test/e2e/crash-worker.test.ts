import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { temporalClient } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin } = gateway;
const { workflow: workflows } = await temporalClient(gateway.temporalAddress);
const successful = ({ status }: Json) => status === 'SUCCESSFUL';

test('kill -9 of the worker in the middle of a delivery: delivered after its restart, and the attempts explain it', async () => {
  const released = Promise.withResolvers<void>();
  receiver.script('held', [{ until: released.promise }, { status: 200 }]);
  await admin.define({ name: 'held', url: receiver.url('held') });
  const requestId = requestIdOf(await admin.post('held', '{"kept":true}'));
  const first = await receiver.nth('held', 1);
  await gateway.worker.kill();
  released.resolve();
  await gateway.worker.start();

  const event = await admin.eventWhere(requestId, {
    what: 'is delivered',
    wanted: successful,
    withinMs: 40_000,
  });
  expect(event).toMatchObject({ attempts: 2 });
  const [, second, ...more] = receiver.received('held');
  expect(more).toEqual([]);
  expect(second!.headers['webhook-id']).toBe(first.headers['webhook-id']);
  expect(second!.body.equals(first.body)).toBe(true);
  expect(second!.headers['x-sluice-attempt-count']).toBe('2');

  const attempts = await admin.attemptsOf(event['id'] as string);
  expect(attempts).toMatchObject([
    { attempt_number: 1, status: 'FAILED', error_code: 'UNKNOWN', response_status: null },
    { attempt_number: 2, status: 'SUCCESSFUL', response_status: 200 },
  ]);
  expect(attempts[0]!['message']).toMatch(/worker stopped/);
}, 90_000);

test('an interrupted attempt does not count against the retry rule', async () => {
  const released = Promise.withResolvers<void>();
  const script = [{ until: released.promise }, { status: 500 }, { status: 200 }];
  receiver.script('counted', script);
  await admin.define({
    name: 'counted',
    url: receiver.url('counted'),
    rules: [{ type: 'retry', strategy: 'linear', interval: 300, count: 1 }],
  });
  const requestId = requestIdOf(await admin.post('counted'));
  await receiver.nth('counted', 1);
  await gateway.worker.kill();
  released.resolve();
  await gateway.worker.start();
  const event = await admin.eventWhere(requestId, {
    what: 'is delivered',
    wanted: successful,
    withinMs: 40_000,
  });
  expect(event).toMatchObject({ attempts: 3 });
}, 90_000);

test('retries that wait survive the worker, and come at their time', async () => {
  receiver.script('waiting', [{ status: 500 }, { status: 200 }]);
  await admin.define({
    name: 'waiting',
    url: receiver.url('waiting'),
    rules: [{ type: 'retry', strategy: 'linear', interval: 4_000, count: 1 }],
  });
  const requestId = requestIdOf(await admin.post('waiting'));
  await admin.eventWhere(requestId, {
    what: 'waits',
    wanted: ({ attempts, status }) => attempts === 1 && status === 'FAILED',
  });
  await gateway.worker.kill();
  await gateway.worker.start();
  await admin.eventWhere(requestId, { what: 'is delivered', wanted: successful, withinMs: 40_000 });
  const [first, second] = receiver.received('waiting');
  expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(4_000);
}, 90_000);

test('events of one batch, held by a destination that was fast before, are delivered soon after a kill', async () => {
  const released = Promise.withResolvers<void>();
  await admin.define({
    name: 'batch',
    url: receiver.url('batch'),
    destination: { delivery_timeout: 60 },
  });
  // Its first answers are fast, so that first attempts run inside the parent workflow.
  for (let round = 1; round <= 3; round++) {
    await Promise.all(Array.from({ length: 10 }, () => admin.post('batch', '{"warm":true}')));
    await receiver.nth('batch', round * 10);
  }
  receiver.script('batch', [{ until: released.promise }]);
  const sent = await Promise.all(Array.from({ length: 20 }, () => admin.post('batch')));
  await receiver.nth('batch', 50);
  // The parent lets go of them after a few seconds; then a workflow of the destination waits for them.
  const routing = `WorkflowType = 'processRequests' and ExecutionStatus = 'Running'`;
  await until('no parent at work', async () => (await workflows.count(routing)).count === 0, {
    withinMs: 20_000,
  });
  await gateway.worker.kill();
  receiver.script('batch', [{ status: 200 }]);
  released.resolve();
  await gateway.worker.start();
  const all = await until(
    'every one to be delivered',
    async () => {
      const now = (await Promise.all(sent.map((one) => admin.eventsOf(requestIdOf(one))))).flat();
      return now.every(successful) ? now : null;
    },
    { withinMs: 45_000 },
  );
  expect(all).toHaveLength(20);
}, 120_000);
