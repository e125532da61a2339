import { expect, test } from 'vitest';
import { requestIdOf } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { type Part, startSplitGateway } from '../support/split-gateway.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const otherWorker = await gateway.add('worker');
const { admin } = gateway;

test('a delayed event is kept through a restart of everything that could wait for it', async () => {
  const delay = 15_000;
  await admin.define({
    name: 'delayed',
    url: receiver.url('delayed'),
    rules: [{ type: 'delay', delay }],
  });
  const sentAtMs = Date.now();
  const requestId = requestIdOf(await admin.post('delayed', '{"late":true}'));
  const event = await admin.eventWhere(requestId, {
    what: 'is scheduled',
    wanted: ({ status }) => (status as string) === 'SCHEDULED',
  });
  expect(Date.parse(event['next_attempt_at'] as string) - sentAtMs).toBeGreaterThanOrEqual(delay);
  await Promise.all([gateway.worker.kill(), otherWorker.kill(), gateway.temporal.kill()]);
  await gateway.temporal.start();
  await Promise.all([gateway.worker, otherWorker].map(supervised));
  const { atMs } = await receiver.nth('delayed', 1);
  expect(atMs - sentAtMs).toBeGreaterThanOrEqual(delay);
  await admin.eventWhere(requestId, {
    what: 'is delivered',
    wanted: ({ status }) => (status as string) === 'SUCCESSFUL',
  });
  expect(receiver.received('delayed')).toHaveLength(1);
});

/** Starts a part until it runs: it ends at once where what it needs is not there yet. */
async function supervised(part: Part): Promise<void> {
  const start = () =>
    part.start().then(
      () => true,
      () => false,
    );
  await until('the part runs', start).catch((cause: unknown) => {
    throw new Error(`It said:\n${part.output().slice(-4_000)}`, { cause });
  });
}
