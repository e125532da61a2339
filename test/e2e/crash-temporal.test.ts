import { expect, test } from 'vitest';
import { requestIdOf } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway({ DISPATCH_MAX_BATCH: '1' });
const { admin } = gateway;
await admin.define({ name: 'meanwhile', url: receiver.url('meanwhile') });
await admin.define({ name: 'busy', url: receiver.url('busy') });

const readiness = async () => (await fetch(`${gateway.url()}/readyz`)).json();

test('with Temporal killed, ingest goes on as fast, and everything is delivered once it is back, without a restart', async () => {
  const before = { api: gateway.api.pid(), worker: gateway.worker.pid() };
  requestIdOf(await admin.post('meanwhile', '{"n":-1}'));
  await receiver.nth('meanwhile', 1);
  await gateway.temporal.kill();
  await until('it to be noticed', async () => {
    const { missing } = (await readiness()) as { missing: string[] };
    return missing.includes('temporal');
  });

  const tookMs: number[] = [];
  for (let n = 0; n < 100; n++) {
    const beganAt = performance.now();
    requestIdOf(await admin.post('meanwhile', JSON.stringify({ n })));
    tookMs.push(performance.now() - beganAt);
  }
  // To wait for Temporal, or for it to be given up, takes seconds.
  expect(tookMs.toSorted((a, b) => a - b)[50]).toBeLessThan(1_000);
  expect(receiver.received('meanwhile')).toHaveLength(1);

  await gateway.temporal.start();
  await receiver.nth('meanwhile', 101);
  const numbers = receiver
    .received('meanwhile')
    .map((one) => (JSON.parse(one.body.toString()) as { n: number }).n);
  expect(new Set(numbers).size).toBe(101);
  expect(numbers).toHaveLength(101);
  expect({ api: gateway.api.pid(), worker: gateway.worker.pid() }).toEqual(before);
});

test('an api process starts, and takes requests, while Temporal is away', async () => {
  await gateway.temporal.kill();
  await gateway.api.stop();
  await gateway.api.start();
  const requestId = requestIdOf(await admin.post('meanwhile', '{"n":"early"}'));
  await gateway.temporal.start();
  const received = await until('its delivery', () =>
    receiver.received('meanwhile').find((one) => one.headers['x-sluice-requestid'] === requestId),
  );
  expect(received.body.toString()).toBe('{"n":"early"}');
});

test('what a killed worker had claimed is taken over by another within seconds', async () => {
  const other = await gateway.add('worker');
  await gateway.temporal.kill();
  const sent = await Promise.all(
    Array.from({ length: 20 }, (_, n) => admin.post('busy', JSON.stringify({ n }))),
  );
  expect(sent.map((answer) => answer.status)).toEqual(sent.map(() => 200));
  // Both hold what they claimed while they wait for Temporal.
  await until('both to be refused by Temporal', () =>
    [gateway.worker, other].every((worker) =>
      worker.output().includes('did not accept a dispatch'),
    ),
  );
  await gateway.worker.kill();
  await until('the take-over', () => other.output().includes('Took over the requests'));
  await gateway.temporal.start();
  await receiver.nth('busy', 20);
  expect(receiver.received('busy')).toHaveLength(20);
});
