import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startGateway } from '../support/gateway.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const KEYS = 20;
const EACH = 12;
const receiver = await startReceiver();
const gateway = await startGateway();
const { admin } = gateway;

const retry = { type: 'retry', strategy: 'linear', interval: 200, count: 100 };

/** A connection that keeps the order of each customer's events. */
async function defineOrdered(name: string, ordering: object, rules: object[] = [retry]) {
  const made = await admin.define({ name, url: receiver.url(name), rules });
  await admin.done('PUT', `/connections/${made.connectionId}`, { ordering });
  return made;
}

type Numbered = { customer: string; n: number };

function numbered(name: string): Numbered[] {
  return receiver.received(name).map(({ body }) => JSON.parse(body.toString()) as Numbered);
}

/** The numbers of one customer as they arrived, one that was tried again counted once. */
function orderOf(name: string, customer: string): number[] {
  const numbers = numbered(name).filter((one) => one.customer === customer);
  return numbers.map(({ n }) => n).filter((n, i, all) => n !== all[i - 1]);
}

test('events of one key arrive in their order, through failures and a kill of everything', async () => {
  const { connectionId } = await defineOrdered('ordered', { key: 'body.customer' });
  // Every third request fails: its event is tried again before the next of its key goes.
  receiver.script(
    'ordered',
    Array.from({ length: 2_000 }, (_, i) => ({ status: i % 3 === 0 ? 500 : 200 })),
  );
  for (let n = 0; n < EACH; n++) {
    const customers = Array.from({ length: KEYS }, (_, i) => `customer-${i}`);
    const send = (customer: string) => admin.post('ordered', JSON.stringify({ customer, n }));
    const answers = await Promise.all(customers.map(send));
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
  }
  await receiver.nth('ordered', (KEYS * EACH) / 4);
  gateway.killEverything();
  await gateway.start();
  // The gateway's own first event is not among them.
  const query = `/events?status=SUCCESSFUL&limit=250&webhook_id=${connectionId}`;
  await until(
    'every event to be delivered',
    async () => (await admin.models(query)).length === KEYS * EACH,
    { everyMs: 500 },
  );
  const inOrder = Array.from({ length: EACH }, (_, n) => n);
  for (let i = 0; i < KEYS; i++) {
    // A kill may hide an outcome: then the last one sent is sent once more, never an older one.
    expect(orderOf('ordered', `customer-${i}`)).toEqual(inOrder);
  }
});

test('an event that fails holds back its own key and no other', async () => {
  await defineOrdered('held-back', { key: 'body.customer' });
  const blocked = Promise.withResolvers<void>();
  receiver.script('held-back', [{ until: blocked.promise }, { status: 200 }]);
  await admin.post('held-back', JSON.stringify({ customer: 'a', n: 0 }));
  await receiver.nth('held-back', 1);
  await admin.post('held-back', JSON.stringify({ customer: 'a', n: 1 }));
  for (const customer of ['b', 'c', 'd']) {
    await admin.post('held-back', JSON.stringify({ customer, n: 0 }));
  }
  await receiver.nth('held-back', 4);
  expect(orderOf('held-back', 'a')).toEqual([0]);
  blocked.resolve();
  await receiver.nth('held-back', 5);
  expect(orderOf('held-back', 'a')).toEqual([0, 1]);
});

test('what a failed event holds up goes on when it is cancelled, and when order is wanted no more', async () => {
  for (const [name, release] of [
    ['cancelled', (eventId: string) => admin.done('PUT', `/events/${eventId}/cancel`)],
    [
      'unordered',
      (_: string, id: string) => admin.done('PUT', `/connections/${id}`, { ordering: null }),
    ],
  ] as const) {
    const rules = [{ type: 'retry', strategy: 'linear', interval: 1_000, count: 0 }];
    const { connectionId } = await defineOrdered(name, { key: 'body.customer' }, rules);
    receiver.script(name, [{ status: 400 }]);
    const send = (n: number) => admin.post(name, JSON.stringify({ customer: 'a', n }));
    const failed = requestIdOf(await send(0));
    const isFinal = ({ status, next_attempt_at: next }: Json) =>
      (status as string) === 'FAILED' && next === null;
    const event = await admin.eventWhere(failed, { what: 'has failed', wanted: isFinal });
    const behind = requestIdOf(await send(1));
    await admin.eventWhere(behind, { what: 'is routed', wanted: () => true });
    expect(orderOf(name, 'a')).toEqual([0]);
    await release(event['id'] as string, connectionId);
    await receiver.nth(name, 2);
    expect(orderOf(name, 'a')).toEqual([0, 1]);
  }
});

test('an event without the key goes in the lane of the empty key, and says so', async () => {
  await defineOrdered('keyless', { key: 'body.customer' });
  const { body } = await admin.post('keyless', JSON.stringify({ n: 0 }));
  const event = await admin.eventWhere(body['request_id'] as string, {
    what: 'is delivered',
    wanted: ({ status }) => (status as string) === 'SUCCESSFUL',
  });
  expect(event['lane_key']).toBe('');
});
