import { expect, test } from 'vitest';
import type { Answer } from '../support/admin.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const EVERY_MS = 10;
const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin } = gateway;
await admin.define({ name: 'plain', url: receiver.url('plain') });
await admin.define({
  name: 'keyed',
  url: receiver.url('keyed'),
  source: { idempotency_key: 'headers.x-key' },
});

type Told = { n: number; answer: Answer | null };

/** Sends at a fixed rate, whatever comes back; `stop` waits for every answer. */
function load(): { told: Told[]; stop(): Promise<void> } {
  const told: Told[] = [];
  const open: Promise<unknown>[] = [];
  let n = 0;
  const timer = setInterval(() => {
    const number = n++;
    const source = number % 2 === 0 ? 'plain' : 'keyed';
    const init = { headers: { 'x-key': String(number) } };
    const sent = admin.post(source, JSON.stringify({ n: number }), init).then(
      (answer) => told.push({ n: number, answer }),
      () => told.push({ n: number, answer: null }),
    );
    open.push(sent);
  }, EVERY_MS);
  return {
    told,
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
    },
  };
}

const taken = ({ answer }: Told) => answer?.status === 200;
const refused = ({ answer }: Told) => answer?.status === 503;

test('kill -9 of PostgreSQL under load: every acknowledged request is found again, and nobody needs a restart', async () => {
  const before = { api: gateway.api.pid(), worker: gateway.worker.pid() };
  const { told, stop } = load();
  await until('some acknowledgements', () => told.filter(taken).length > 100);
  await gateway.postgres.kill();
  await until('some refusals', () => told.filter(refused).length > 50);
  await gateway.postgres.start();
  const back = told.length;
  await until('acknowledgements again', () => told.slice(back).filter(taken).length > 100);
  await stop();

  const others = told.filter((one) => !taken(one) && !refused(one));
  expect(others.map(({ answer }) => answer?.text ?? 'no answer')).toEqual([]);
  for (const { answer } of told.filter(refused)) {
    expect(Number(answer!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer!.body).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  }

  const acknowledged = told.filter(taken);
  const received = () =>
    new Set(
      ['plain', 'keyed'].flatMap((name) =>
        receiver.received(name).map((one) => (JSON.parse(one.body.toString()) as { n: number }).n),
      ),
    );
  await until('every acknowledged one to be delivered', () => {
    const numbers = received();
    return acknowledged.every(({ n }) => numbers.has(n));
  });
  expect({ api: gateway.api.pid(), worker: gateway.worker.pid() }).toEqual(before);
  expect((await fetch(`${gateway.url()}/healthz`)).status).toBe(200);
});

test('each of them is in the API with its event delivered', async () => {
  const requests: unknown[] = [];
  for (let next = ''; ;) {
    const page = await admin.done('GET', `/requests?limit=255${next && `&next=${next}`}`);
    requests.push(...(page['models'] as unknown as unknown[]));
    const cursor = page['pagination']!['next'] as string | undefined;
    if (!cursor) break;
    next = cursor;
  }
  const ids = new Set(requests.map((one) => (one as { id: string }).id));
  const numbers = receiver.received('plain').map((one) => one.headers['x-sluice-requestid']!);
  expect(numbers.every((id) => ids.has(id))).toBe(true);
  await until('nothing open', async () => {
    const open = await admin.models('/events?status[0]=QUEUED&status[1]=FAILED&limit=1');
    return open.length === 0;
  });
});

test('a key that was refused while PostgreSQL was away is taken when it is sent again', async () => {
  const first = await admin.post('keyed', '{}', { headers: { 'x-key': 'after' } });
  const second = await admin.post('keyed', '{}', { headers: { 'x-key': 'after' } });
  expect(first.body['request_id']).toBe(second.body['request_id']);
});
