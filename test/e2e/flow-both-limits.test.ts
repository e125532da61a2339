import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { until } from '../support/until.ts';

// A timer may fire a little before its time.
const TAKES_MS = 300;
const OPEN_FOR_MS = 290;
const receiver = await startReceiver();
const gateway = await startSplitGateway();
const second = await gateway.add('worker');
const { admin } = gateway;
const BOTH = { rate: 20, period: 'second', concurrent: 2 };

type Body = { customer?: unknown };

async function send(name: string, bodies: Body[]): Promise<string[]> {
  const answers = await Promise.all(bodies.map((body) => admin.post(name, JSON.stringify(body))));
  return answers.map(requestIdOf);
}

function numbered(count: number, customers = 5): Body[] {
  return Array.from({ length: count }, (_, i) => ({ customer: i % customers }));
}

function delivered(requestIds: string[]): Promise<Json[]> {
  const wanted = ({ status }: Json) => (status as string) === 'SUCCESSFUL';
  return Promise.all(
    requestIds.map((id) => admin.eventWhere(id, { what: 'is delivered', wanted })),
  );
}

async function define(name: string, policy: object, ordering: object | null = null) {
  const destination = { delivery_policy: policy };
  const made = await admin.define({ name, url: receiver.url(name), destination });
  if (ordering) await admin.done('PUT', `/connections/${made.connectionId}`, { ordering });
  const change = (delivery_policy: object | null) =>
    admin.done('PUT', `/destinations/${made.destinationId}`, { config: { delivery_policy } });
  return { ...made, change };
}

function most(times: number[], withinMs: number): number {
  return Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + withinMs).length),
  );
}

function arrivals(name: string, customer?: unknown): number[] {
  return receiver.received(name).flatMap(({ body, atMs }) => {
    const found = (JSON.parse(body.toString()) as Body).customer;
    return customer === undefined || found === customer ? atMs : [];
  });
}

/** When each request to a destination left: what comes late is no fault of the rate. */
async function departures(destinationId: string): Promise<number[]> {
  const query = `/attempts?destination_id=${destinationId}&limit=250&order_by=created_at&dir=asc`;
  return (await admin.models(query)).flatMap(({ delivered_at: at }) =>
    at === null ? [] : Date.parse(at as string),
  );
}

test.each([
  ['plain', BOTH, null],
  ['ordered', BOTH, { key: 'body.customer' }],
  ['grouped', { ...BOTH, groups: { key: 'body.customer', ...grouped(BOTH) } }, null],
])(
  'two workers keep a slow receiver to the limit of open requests, and to the rate: %s',
  async (name, policy, ordering) => {
    receiver.script(name, [{ status: 200, afterMs: TAKES_MS }]);
    const { destinationId } = await define(name, policy, ordering);
    await delivered(await send(name, numbered(30)));
    expect(arrivals(name)).toHaveLength(30);
    expect(most(arrivals(name), OPEN_FOR_MS)).toBe(2);
    expect(most(await departures(destinationId), 1_000)).toBeLessThanOrEqual(21);
  },
);

test.each([
  ['quick', { rate: 4, period: 'second', concurrent: 3 }, null],
  ['quick-ordered', { rate: 4, period: 'second', concurrent: 3 }, { key: 'body.customer' }],
])('the rate rules where the receiver is quick: %s', async (name, policy, ordering) => {
  const { destinationId } = await define(name, policy, ordering);
  await delivered(await send(name, numbered(16)));
  const times = await departures(destinationId);
  expect(times).toHaveLength(16);
  expect(most(times, 1_000)).toBeLessThanOrEqual(5);
});

test('each group has both limits of its own, and two JSON values are two groups', async () => {
  const name = 'groups';
  const takes = { status: 200, afterMs: TAKES_MS };
  receiver.script(name, [takes]);
  const groups = {
    key: 'body.customer',
    rate: 4,
    rate_period: 'second',
    concurrent: 1,
    overrides: { quick: { concurrent: 3 } },
  };
  await define(name, { groups });
  const customers = [0, '0', null, 'null', '', true, 'true'];
  const bodies = [...customers.map((customer) => ({ customer })), {}];
  const events = await delivered(await send(name, bodies));
  const names = ['0', '"0"', 'null', '"null"', '""', 'true', '"true"', ''];
  expect(events.map((event) => event['delivery_group'] as string)).toEqual(names);
  const own = await send(name, Array<Body>(9).fill({ customer: 'quick' }));
  await delivered([...own, ...(await send(name, Array<Body>(6).fill({ customer: 0 })))]);
  expect(most(arrivals(name, 0), OPEN_FOR_MS)).toBe(1);
  expect(most(arrivals(name, 0), 1_000)).toBeLessThanOrEqual(5);
  expect(most(arrivals(name, 'quick'), OPEN_FOR_MS)).toBe(3);
});

test.each([
  ['changed', null],
  ['changed-ordered', { key: 'body.customer' }],
])('waiting events follow a limit that is changed or removed: %s', async (name, ordering) => {
  const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
  receiver.script(name, [...gates.map(({ promise }) => ({ until: promise })), { status: 200 }]);
  const { change } = await define(name, { rate: 1, period: 'hour', concurrent: 1 }, ordering);
  const requestIds = await send(name, numbered(12, 12));
  await receiver.nth(name, 1);
  await change({ rate: 1, period: 'hour' });
  await change({ concurrent: 2 });
  // The rate is gone, and one more may be open.
  await receiver.nth(name, 2);
  gates[1]!.resolve();
  await receiver.nth(name, 3);
  expect(receiver.received(name)).toHaveLength(3);
  await change({ rate: 100, period: 'second', concurrent: 4 });
  await receiver.nth(name, 5);
  await change(null);
  // Those that are open keep nobody back any more.
  await receiver.nth(name, 12);
  for (const gate of gates) gate.resolve();
  await delivered(requestIds);
  expect(receiver.received(name)).toHaveLength(12);
});

test('both limits hold after a worker was killed, and after a restart of all', async () => {
  const name = 'killed';
  receiver.script(name, [{ status: 200, afterMs: TAKES_MS }]);
  const { destinationId } = await define(name, BOTH);
  const requestIds = await send(name, numbered(40));
  await receiver.nth(name, 10);
  await second.kill();
  await receiver.nth(name, 20);
  await gateway.worker.stop();
  await gateway.worker.start();
  await delivered(requestIds);
  expect(most(arrivals(name), OPEN_FOR_MS)).toBe(2);
  expect(most(await departures(destinationId), 1_000)).toBeLessThanOrEqual(21);
  await until('every event is told of', async () => {
    return (await admin.models(`/events?destination_id=${destinationId}&limit=100`)).length === 40;
  });
});

function grouped({ rate, period, concurrent }: typeof BOTH) {
  return { rate, rate_period: period, concurrent };
}
