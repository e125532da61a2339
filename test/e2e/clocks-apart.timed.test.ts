import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver, type Received } from '../support/receiver.ts';
import { shiftedClock } from '../support/shifted-clock.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { until } from '../support/until.ts';

// Two workers half a minute apart, each beside an api of its own; PostgreSQL and Temporal have the right time.
const receiver = await startReceiver();
const gateway = await startSplitGateway(shiftedClock('-17s'));
const { admin } = gateway;
const other = await gateway.add('api', shiftedClock('+13s'));
await gateway.add('worker', shiftedClock('+13s'));

/** Sends by both api processes in turn. */
async function send(name: string, count: number, body = (n: number) => `{"n":${n}}`) {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const api = n % 2 === 0 ? admin : other.admin;
    ids.push(requestIdOf(await api.post(name, body(n))));
  }
  return ids;
}

const byEvent = (received: Received[]) =>
  [...Map.groupBy(received, (one) => one.headers['webhook-id']).values()].map((times) =>
    times.map((one) => one.atMs),
  );

test('retries come when the rule says, never earlier, whichever worker makes them', async () => {
  const rule = { type: 'retry', strategy: 'linear', interval: 2_000, count: 2 };
  await admin.define({ name: 'again', url: receiver.url('again'), rules: [rule] });
  await other.admin.done('GET', '/connections');
  receiver.script('again', [{ status: 500 }]);
  await until(
    'both to know the source',
    async () => (await other.admin.post('again')).status === 200,
  );
  await send('again', 11);
  await until('three attempts of each', () => receiver.received('again').length >= 36, {
    withinMs: 60_000,
  });
  const gaps = byEvent(receiver.received('again')).flatMap(([a, b, c]) => [b! - a!, c! - b!]);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_000);
  // A clock that counted would be wrong by thirteen seconds or more.
  expect(Math.max(...gaps)).toBeLessThan(9_000);
});

test('a delay lasts as long as it says', async () => {
  const rules = [{ type: 'delay', delay: 3_000 }];
  await admin.define({ name: 'delayed', url: receiver.url('delayed'), rules });
  await until('both to know it', async () => (await other.admin.post('delayed')).status === 200);
  const sentAtMs = Date.now();
  await send('delayed', 6);
  await until('all of them', () => receiver.received('delayed').length >= 7, { withinMs: 40_000 });
  const after = receiver
    .received('delayed')
    .slice(1)
    .map((one) => one.atMs - sentAtMs);
  expect(Math.min(...after)).toBeGreaterThanOrEqual(3_000);
  expect(Math.max(...after)).toBeLessThan(11_000);
});

test('a window of deduplication is as long as it says', async () => {
  const rules = [{ type: 'deduplicate', window: 5_000, include_fields: ['body'] }];
  const { sourceId } = await admin.define({ name: 'once', url: receiver.url('once'), rules });
  const same = () => '{"same":true}';
  await until('both to know it', async () => (await other.admin.post('once', '{}')).status === 200);
  await receiver.nth('once', 1);
  const beganAtMs = Date.now();
  await send('once', 8, same);
  await until('all but the first to be ignored', async () => {
    const requests = await admin.models(`/requests?source_id=${sourceId}&limit=100`);
    return requests.filter((one: Json) => one['ignored_count'] === 1).length === 7;
  });
  await receiver.nth('once', 2);
  expect(receiver.received('once')).toHaveLength(2);
  // Until it is over, whichever worker looks.
  await sleep(Math.max(0, beganAtMs + 8_000 - Date.now()));
  await send('once', 1, same);
  await receiver.nth('once', 3);
});

test('a pace is kept over both', async () => {
  const destination = { rate_limit: 5, rate_limit_period: 'second' };
  await admin.define({ name: 'paced', url: receiver.url('paced'), destination });
  await until('both to know it', async () => (await other.admin.post('paced')).status === 200);
  await send('paced', 40);
  await until('all of them', () => receiver.received('paced').length >= 41, { withinMs: 40_000 });
  const times = receiver
    .received('paced')
    .map((one) => one.atMs)
    .toSorted((a, b) => a - b);
  for (const [i, atMs] of times.entries()) {
    const within = times.slice(i).filter((other) => other < atMs + 1_000);
    expect(within.length).toBeLessThanOrEqual(6);
  }
});

test('what is ordered arrives in the order in which it was sent', async () => {
  const made = await admin.define({ name: 'ordered', url: receiver.url('ordered') });
  await admin.done('PUT', `/connections/${made.connectionId}`, { ordering: { key: 'body.key' } });
  await until('both to know it', async () => {
    const [a, b] = await Promise.all([admin.post('ordered'), other.admin.post('ordered')]);
    return a.status === 200 && b.status === 200;
  });
  await receiver.nth('ordered', 2);
  await sleep(1_000);
  await send('ordered', 30, (n) => `{"key":"k","n":${n}}`);
  await until('all of them', () => receiver.received('ordered').length >= 32, { withinMs: 40_000 });
  const order = receiver
    .received('ordered')
    .map((one) => JSON.parse(one.body.toString()).n as number | undefined)
    .filter((n) => n !== undefined);
  expect(order).toEqual(Array.from({ length: 30 }, (_, n) => n));
});

test('what is parked is let go by whoever is there, and attempts in flight are left alone', async () => {
  const { destinationId } = await admin.define({ name: 'gate', url: receiver.url('gate') });
  await admin.done('PUT', `/destinations/${destinationId}/pause`);
  await until('both to know it', async () => (await other.admin.post('gate')).status === 200);
  const ids = await send('gate', 20);
  for (const id of ids) {
    const wanted = (event: Json) => event['status'] === 'HOLD';
    await admin.eventWhere(id, { what: 'is held', wanted, withinMs: 30_000 });
  }
  await admin.done('PUT', `/destinations/${destinationId}/unpause`);
  await until('all of them', () => receiver.received('gate').length >= 21, { withinMs: 40_000 });
  expect(byEvent(receiver.received('gate')).every((times) => times.length === 1)).toBe(true);
});
