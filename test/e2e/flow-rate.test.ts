import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { temporalCli } from '../support/temporal-cli.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin } = gateway;
const cli = await temporalCli({ address: gateway.temporalAddress, dataDir: tmpdir() });
const successful = ({ status }: Json) => (status as string) === 'SUCCESSFUL';

async function send(name: string, count: number): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => admin.post(name)));
  return answers.map(requestIdOf);
}

function delivered(requestIds: string[]) {
  const what = 'is delivered';
  return Promise.all(requestIds.map((id) => admin.eventWhere(id, { what, wanted: successful })));
}

/** When each request to a destination left: what comes late is no fault of the rate. */
async function sentAtMs(destinationId: string): Promise<number[]> {
  const query = `/attempts?destination_id=${destinationId}&limit=250&order_by=created_at&dir=asc`;
  return (await admin.models(query)).flatMap(({ delivered_at: at }) =>
    at === null ? [] : Date.parse(at as string),
  );
}

function mostInASecond(times: number[]): number {
  return Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length),
  );
}

function define(name: string, policy: object) {
  return admin.define({
    name,
    url: receiver.url(name),
    destination: { delivery_policy: policy },
  });
}

test('two workers together keep to a rate, and so does what is left when one is killed', async () => {
  const second = await gateway.add('worker');
  const { destinationId } = await define('paced', { rate: 4, period: 'second' });
  const requestIds = await send('paced', 24);
  await receiver.nth('paced', 8);
  await second.kill();
  await delivered(requestIds);
  const times = await sentAtMs(destinationId);
  expect(times).toHaveLength(receiver.received('paced').length);
  expect(mostInASecond(times)).toBeLessThanOrEqual(5);
});

test('a changed rate counts for what waits already', async () => {
  const { destinationId } = await define('changed', { rate: 1, period: 'hour' });
  const requestIds = await send('changed', 6);
  await receiver.nth('changed', 1);
  await until('the policy is taken', () =>
    cli
      .signal(`destination/${destinationId}`, 'setDeliveryPolicy', { rate: 100, period: 'second' })
      .then(
        () => true,
        () => false,
      ),
  );
  await delivered(requestIds);
  expect(receiver.received('changed')).toHaveLength(6);
});

test('a rate that was lowered holds within seconds for what waits already', async () => {
  const { destinationId } = await define('lowered', { rate: 20, period: 'second' });
  await send('lowered', 200);
  await receiver.nth('lowered', 10);
  const config = { delivery_policy: { rate: 2, period: 'second' } };
  await admin.done('PUT', `/destinations/${destinationId}`, { config });
  // Times that were given before are kept, and so are those of a process that has not heard of it yet.
  const fromMs = Date.now() + 4_000;
  const later = async () => (await sentAtMs(destinationId)).filter((atMs) => atMs >= fromMs);
  await until('some go later', async () => (await later()).length >= 8);
  expect(mostInASecond(await later())).toBeLessThanOrEqual(3);
});

test('no more requests are open than allowed, also after a worker was killed with some', async () => {
  await define('few', { rate: 2, period: 'concurrent' });
  let open = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  receiver.script(
    'few',
    Array.from({ length: 12 }, () => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate.resolve);
      return { until: gate.promise };
    }),
  );
  const requestIds = await send('few', 8);
  await receiver.nth('few', 2);
  await gateway.worker.kill();
  gates.splice(0, 2).forEach((release) => release());
  await gateway.worker.start();
  for (let n = 3; n <= 10; n++) {
    await receiver.nth('few', n);
    open = receiver.received('few').length - n + 1;
    most = Math.max(most, open);
    gates.shift()!();
  }
  await delivered(requestIds);
  expect(most).toBeLessThanOrEqual(2);
});
