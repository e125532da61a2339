import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startGateway } from '../support/gateway.ts';
import { startReceiver, type Reaction } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startGateway();
const { admin } = gateway;

const RULE = { type: 'retry', strategy: 'linear', interval: 300, count: 5 };
const GONE: Reaction = { status: 410 };
const busy = (status: number, seconds: number): Reaction => ({
  status,
  headers: { 'retry-after': String(seconds) },
});
const isOver = ({ status, next_attempt_at: next }: Json) =>
  status === 'SUCCESSFUL' || status === 'CANCELLED' || (status === 'FAILED' && next === null);

const post = async (name: string) => requestIdOf(await admin.post(name));
const over = (requestId: string) =>
  admin.eventWhere(requestId, { what: 'is over', wanted: isOver, withinMs: 30_000 });

/** Sends one event that is told to come again in so many seconds, and three more as soon as that is known. */
async function fourEvents(name: string, seconds: number): Promise<string[]> {
  const first = await post(name);
  await admin.eventWhere(first, { what: 'failed', wanted: (event) => event['attempts'] === 1 });
  expect(receiver.received(name)).toHaveLength(1);
  const others = [await post(name), await post(name), await post(name)];
  const shown = await admin.done('GET', `/destinations?name=${name}`);
  const heldMs = Date.parse(shown['models'][0]['held_until']) - receiver.received(name)[0]!.atMs;
  expect(heldMs).toBeGreaterThan(seconds * 1_000 - 200);
  return [first, ...others];
}

const LONG_S = 5;

test.each([
  ['plain', {}, {}],
  ['paced', { delivery_policy: { rate: 50, period: 'second' } }, {}],
  ['narrow', { delivery_policy: { rate: 1, period: 'concurrent' } }, {}],
  ['ordered', {}, { ordering: { key: null, on_failure: 'skip' } }],
])('a 429 with Retry-After holds the whole destination: %s', async (name, config, more) => {
  receiver.script(name, [busy(429, LONG_S), { status: 200 }]);
  await admin.done('PUT', '/connections', {
    name,
    source: { name },
    destination: { name, type: 'HTTP', config: { url: receiver.url(name), ...config } },
    rules: [RULE],
    ...more,
  });
  const requestIds = await fourEvents(name, LONG_S);
  const events = await Promise.all(requestIds.map(over));
  expect(events.map((event) => [event['status'], event['attempts']])).toEqual([
    ['SUCCESSFUL', 2],
    ['SUCCESSFUL', 1],
    ['SUCCESSFUL', 1],
    ['SUCCESSFUL', 1],
  ]);
  const times = receiver.received(name).map((one) => one.atMs);
  expect(Math.min(...times.slice(1)) - times[0]!).toBeGreaterThanOrEqual(LONG_S * 1_000);
  const { models } = await admin.done('GET', `/destinations?name=${name}`);
  expect(models[0]).toMatchObject({ held_until: null });
});

test('other destinations are not held', async () => {
  receiver.script('held', [busy(503, 600)]);
  await admin.define({ name: 'held', url: receiver.url('held'), rules: [RULE] });
  await post('held');
  await receiver.nth('held', 1);
  await admin.define({ name: 'free', url: receiver.url('free') });
  expect(await over(await post('free'))).toMatchObject({ status: 'SUCCESSFUL' });
});

test('a hold survives a restart, and another URL ends it', async () => {
  receiver.script('lasting', [busy(503, 600), { status: 200 }]);
  const { destinationId } = await admin.define({
    name: 'lasting',
    url: receiver.url('lasting'),
    rules: [RULE],
  });
  await post('lasting');
  await receiver.nth('lasting', 1);
  await until('it is held', async () => {
    const shown = await admin.done('GET', `/destinations/${destinationId}`);
    return shown['held_until'] !== null;
  });
  const waiting = await post('lasting');
  await gateway.stop();
  await gateway.start();
  const later = await post('lasting');
  // One that is not held and came later is delivered: these had their chance.
  expect(await over(await post('free'))).toMatchObject({ status: 'SUCCESSFUL' });
  expect(receiver.received('lasting')).toHaveLength(1);
  expect(await admin.done('GET', `/destinations/${destinationId}/circuit`)).toMatchObject({
    state: 'open',
  });
  const url = `${receiver.url('lasting')}?moved`;
  await admin.done('PUT', `/destinations/${destinationId}`, { config: { url } });
  expect(await over(waiting)).toMatchObject({ status: 'SUCCESSFUL', attempts: 1 });
  expect(await over(later)).toMatchObject({ status: 'SUCCESSFUL', attempts: 1 });
});

test('whoever resumes a destination that is held lets what waits go at once', async () => {
  receiver.script('resumed', [busy(503, 600), { status: 200 }]);
  const { destinationId } = await admin.define({
    name: 'resumed',
    url: receiver.url('resumed'),
    rules: [RULE],
  });
  await post('resumed');
  await receiver.nth('resumed', 1);
  await until('it is held', async () => {
    const shown = await admin.done('GET', `/destinations/${destinationId}`);
    return shown['held_until'] !== null;
  });
  const postedAtMs = Date.now();
  const waiting = await post('resumed');
  // One that is not held and came later is delivered: this one had its chance.
  await admin.define({ name: 'unheld', url: receiver.url('unheld') });
  expect(await over(await post('unheld'))).toMatchObject({ status: 'SUCCESSFUL' });
  expect(receiver.received('resumed')).toHaveLength(1);
  await admin.done('PUT', `/destinations/${destinationId}/unpause`);
  expect(await over(waiting)).toMatchObject({ status: 'SUCCESSFUL', attempts: 1 });
  // The sweep would find it, too, but nothing that has waited for less than a minute.
  expect(receiver.received('resumed')[1]!.atMs - postedAtMs).toBeLessThan(60_000);
});

test('410 Gone ends the event and disables its destination, visibly, until it is enabled', async () => {
  receiver.script('gone', [GONE, { status: 200 }]);
  const { destinationId } = await admin.define({
    name: 'gone',
    url: receiver.url('gone'),
    rules: [RULE],
  });
  const event = await over(await post('gone'));
  expect(event).toMatchObject({ status: 'FAILED', attempts: 1, response_status: 410 });
  const disabled = await until('it is disabled', async () => {
    const shown = await admin.done('GET', `/destinations/${destinationId}`);
    return shown['disabled_at'] === null ? null : shown;
  });
  expect(disabled['disabled_reason']).toContain('410 Gone');
  const ignored = await post('gone');
  await until('the next is ignored', async () => {
    const found = await admin.models(`/requests/${ignored}/ignored_events`);
    return found.some((one) => one['cause'] === 'DISABLED');
  });
  const enabled = await admin.done('PUT', `/destinations/${destinationId}/enable`);
  expect(enabled).toMatchObject({ disabled_at: null, disabled_reason: null });
  expect(await over(await post('gone'))).toMatchObject({ status: 'SUCCESSFUL' });
  expect(receiver.received('gone')).toHaveLength(2);
});

test('410 Gone is a failure like any other where the destination says so', async () => {
  receiver.script('notgone', [GONE, { status: 200 }]);
  const destination = { disable_on_gone: false };
  await admin.define({
    name: 'notgone',
    url: receiver.url('notgone'),
    rules: [RULE],
    destination,
  });
  expect(await over(await post('notgone'))).toMatchObject({ status: 'SUCCESSFUL', attempts: 2 });
});
