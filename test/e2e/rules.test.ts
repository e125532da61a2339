import { expect, test } from 'vitest';
import { type Json, requestIdOf } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const other = { api: await gateway.add('api'), worker: await gateway.add('worker') };
const { admin } = gateway;

const handler = (body: string) => `addHandler('transform', (request, context) => {\n${body}\n});`;
const inline = (name: string, body: string) => ({
  type: 'transform',
  transformation: { name, code: handler(body) },
});
const ignoredOf = (requestId: string) => admin.models(`/requests/${requestId}/ignored_events`);

async function ignoredOnce(requestId: string): Promise<Json> {
  const what = `${requestId} is ignored`;
  return until(what, async () => (await ignoredOf(requestId))[0]);
}

test.each([1, 10, 100])(
  'a request reaches each of %i destinations of its source once',
  async (n) => {
    const names = Array.from({ length: n }, (_, index) => `fan${n}-${index}`);
    for (const name of names) {
      await admin.done('PUT', '/connections', {
        name,
        source: { name: `fan-out-${n}` },
        destination: { name, type: 'HTTP', config: { url: receiver.url(name) } },
      });
    }
    const requestId = requestIdOf(await admin.post(`fan-out-${n}`, `{"n":${n}}`));
    const all = () => names.every((name) => receiver.received(name).length > 0);
    await until(`all ${n} have it`, all);
    const events = await until('all are settled', async () => {
      const all = await admin.eventsOf(requestId);
      return all.every(({ status }) => (status as string) === 'SUCCESSFUL') && all;
    });
    expect(events).toHaveLength(n);
    for (const name of names) {
      expect(receiver.received(name).map(({ body }) => body.toString())).toEqual([`{"n":${n}}`]);
    }
  },
);

test('ten sources reach one destination, each request once', async () => {
  const destination = { name: 'fan-in', type: 'HTTP', config: { url: receiver.url('fan-in') } };
  const sources = Array.from({ length: 10 }, (_, index) => `in-${index}`);
  for (const name of sources) {
    await admin.done('PUT', '/connections', { name, source: { name }, destination });
  }
  await Promise.all(sources.map((name) => admin.post(name, `"${name}"`)));
  await receiver.nth('fan-in', 10);
  const bodies = receiver.received('fan-in').map(({ body }) => JSON.parse(body.toString()));
  expect(new Set(bodies)).toEqual(new Set(sources));
  expect(bodies).toHaveLength(10);
});

test('filters route by topic: each destination gets its own topics, and nobody the others', async () => {
  const topics = { orders: ['order.created', 'order.paid'], refunds: ['refund.created'] };
  for (const [name, list] of Object.entries(topics)) {
    const rules = [{ type: 'filter', body: { topic: { $in: list } } }];
    await admin.define({ name: `topic-${name}`, url: receiver.url(name) });
    await admin.done('PUT', '/connections', {
      name,
      source: { name: 'topics' },
      destination: { name: `topic-${name}`, type: 'HTTP', config: { url: receiver.url(name) } },
      rules,
    });
  }
  const sent = ['order.created', 'refund.created', 'order.paid', 'customer.created'];
  const answers = await Promise.all(
    sent.map((topic) => admin.post('topics', JSON.stringify({ topic }))),
  );
  const nobodys = requestIdOf(answers.at(-1)!);
  await receiver.nth('orders', 2);
  await receiver.nth('refunds', 1);
  const ignored = await until('nobody takes the last', async () => {
    const all = await ignoredOf(nobodys);
    return all.length === 2 ? all : null;
  });
  expect(ignored).toMatchObject([
    { cause: 'FILTERED', meta: ['body'] },
    { cause: 'FILTERED', meta: ['body'] },
  ]);
  const mismatches = ignored.flatMap((one: Json) => one['mismatches'] as Json[]);
  expect(mismatches).toHaveLength(2);
  for (const one of mismatches) {
    expect(one).toMatchObject({ path: 'body.topic', actual: 'customer.created' });
  }
  const got = (name: string) =>
    receiver.received(name).map(({ body }) => String(JSON.parse(body.toString())['topic']));
  expect(new Set(got('orders'))).toEqual(new Set(topics.orders));
  expect(got('orders')).toHaveLength(2);
  expect(got('refunds')).toEqual(['refund.created']);
});

test('of many equal requests sent at once to two processes, routed by two workers, one is delivered', async () => {
  const rules = [{ type: 'deduplicate', window: 60_000, include_fields: ['body.id'] }];
  await admin.define({ name: 'once', url: receiver.url('once'), rules });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      (n % 2 ? admin : other.api.admin).post('once', JSON.stringify({ id: 7, n })),
    ),
  );
  const ids = answers.map(requestIdOf);
  const counts = await until('all are routed', async () => {
    const all = await admin.models(`/requests?limit=255&${ids.map((id) => `id=${id}`).join('&')}`);
    const of = (field: string) => all.filter((one) => (one[field] as number) === 1).length;
    const [made, ignored] = [of('events_count'), of('ignored_count')];
    return made + ignored === ids.length && { made, ignored };
  });
  expect(counts).toEqual({ made: 1, ignored: 199 });
  await receiver.nth('once', 1);
  expect(receiver.received('once')).toHaveLength(1);
});

test('code that failed is mended, the request retried, and the event arrives; both runs can be looked at', async () => {
  const { connectionId } = await admin.define({
    name: 'mended',
    url: receiver.url('mended'),
    rules: [
      inline(
        'mended',
        'console.info("trying");\nrequest.body.total = request.body.items.length;\nreturn request;',
      ),
    ],
  });
  const requestId = requestIdOf(await admin.post('mended', '{"lines":[1,2]}', json()));
  const ignored = await ignoredOnce(requestId);
  expect(ignored).toMatchObject({
    cause: 'TRANSFORMATION_FAILED',
    webhook_id: connectionId,
    meta: { error: 'user_error', line: 3, reason: expect.stringContaining('TypeError') },
  });
  const id = String(ignored['meta']!['transformation_id']);
  await admin.done('PUT', `/transformations/${id}`, {
    code: handler('request.body.total = request.body.lines.length;\nreturn request;'),
  });
  await admin.done('POST', `/requests/${requestId}/retry`, {});
  const { body } = await receiver.nth('mended', 1);
  expect(JSON.parse(body.toString())).toEqual({ lines: [1, 2], total: 2 });
  const runs = await admin.models(`/transformations/${id}/executions`);
  expect(new Set(runs.map((run) => run['version']))).toEqual(new Set([1, 2]));
  const failed = runs.find((run) => (run['version'] as number) === 1)!;
  const path = `/transformations/${id}/executions/${failed['id'] as string}`;
  expect(await admin.done('GET', path)).toMatchObject({
    outcome: 'user_error',
    logs: [{ type: 'info', message: 'trying' }],
    original_event_data: { body: { lines: [1, 2] } },
  });
});

function json(): RequestInit {
  return { headers: { 'content-type': 'application/json' } };
}
