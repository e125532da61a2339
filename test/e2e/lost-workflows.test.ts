import { expect, test } from 'vitest';
import { requestIdOf } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { temporalClient } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin, temporal, worker } = gateway;
const { workflow: workflows } = await temporalClient(gateway.temporalAddress);
// What is lost costs a minute, not events.
const SOON = { withinMs: 110_000 };

const retry = { type: 'retry', strategy: 'linear', interval: 20_000, count: 10 };
const made = async (name: string, rules: object[]) =>
  admin.define({ name, url: receiver.url(name), rules });
await made('queued', [retry]);
await made('later', [{ type: 'delay', delay: 20_000 }]);
await made('retried', [retry]);
const { destinationId } = await made('paused', []);

async function send(name: string, count: number): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, n) => admin.post(name, JSON.stringify({ n }))),
  );
  return answers.map(requestIdOf);
}

async function statusesOf(requestIds: string[]): Promise<string[]> {
  const events = await Promise.all(requestIds.map((id) => admin.eventsOf(id)));
  return events.flat().map((event) => event.status as string);
}

const allAre = (requestIds: string[], status: string) => async () => {
  const statuses = await statusesOf(requestIds);
  return statuses.length === requestIds.length && statuses.every((each) => each === status);
};

async function terminateAll(): Promise<number> {
  let count = 0;
  for await (const { workflowId } of workflows.list({ query: 'ExecutionStatus="Running"' })) {
    await workflows.getHandle(workflowId).terminate('by hand');
    count++;
  }
  return count;
}

/** Each was delivered, and once: its first attempt, where it had one, did not arrive. */
function bodiesOf(name: string): string[] {
  return receiver.received(name).map(({ body }) => body.toString());
}

test('events whose workflows are terminated by hand are delivered within a minute or so', async () => {
  receiver.script('queued', [{ does: 'hang' }]);
  const queued = await send('queued', 5);
  const later = await send('later', 5);
  await receiver.nth('queued', 5);
  await until('delayed ones to wait', allAre(later, 'SCHEDULED'));
  // The attempts are under way; nobody will tell how they end.
  await worker.kill();
  expect(await terminateAll()).toBeGreaterThan(1);
  receiver.script('queued', [{ status: 200 }]);
  await worker.start();
  await until('what was queued', allAre(queued, 'SUCCESSFUL'), SOON);
  await until('what was delayed', allAre(later, 'SUCCESSFUL'), SOON);
  expect(new Set(bodiesOf('queued').slice(5)).size).toBe(5);
  expect(bodiesOf('queued')).toHaveLength(10);
  expect(bodiesOf('later')).toHaveLength(5);
}, 240_000);

test('a Temporal that has lost all it had costs a minute: what waits for a time, for a retry, at a gate', async () => {
  receiver.script('retried', [{ status: 500 }]);
  const later = await send('later', 10);
  const retried = await send('retried', 10);
  await admin.done('PUT', `/destinations/${destinationId}/pause`);
  const paused = await send('paused', 10);
  await until('delayed ones to wait', allAre(later, 'SCHEDULED'));
  await until('failed ones to wait for a retry', allAre(retried, 'FAILED'));
  await until('paused ones to be held', allAre(paused, 'HOLD'));
  const before = bodiesOf('retried').length;
  const pid = worker.pid();
  await temporal.lose();
  // Taken in while there is no Temporal, and claimed for a dispatch that it never hears of.
  const meanwhile = await send('queued', 5);
  receiver.script('retried', [{ status: 200 }]);
  await temporal.start();
  await until('what came meanwhile', allAre(meanwhile, 'SUCCESSFUL'), SOON);
  await until('what was delayed', allAre(later, 'SUCCESSFUL'), SOON);
  await until('what was to be retried', allAre(retried, 'SUCCESSFUL'), SOON);
  await admin.done('PUT', `/destinations/${destinationId}/unpause`);
  await until('what was held', allAre(paused, 'SUCCESSFUL'), SOON);
  expect(bodiesOf('later')).toHaveLength(15);
  expect(bodiesOf('retried').length - before).toBe(10);
  expect(bodiesOf('paused')).toHaveLength(10);
  // The worker has lived through it.
  expect(worker.pid()).toBe(pid);
}, 300_000);
