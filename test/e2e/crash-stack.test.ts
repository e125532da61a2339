import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { processesOf } from '../support/processes.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const REQUESTS = 2_000;
const SENDERS = 40;
const receiver = await startReceiver();
const gateway = await startGateway();
const { admin } = gateway;
await admin.define({ name: 'backlog', url: receiver.url('backlog') });

/** Sends numbered requests until all are sent or the gateway is gone; the ids of those it acknowledged, by number. */
async function sendAll(): Promise<Map<number, string>> {
  const acknowledged = new Map<number, string>();
  let next = 0;
  const sender = async () => {
    while (next < REQUESTS) {
      const n = next++;
      const answer = await admin.post('backlog', JSON.stringify({ n })).catch(() => null);
      if (answer?.status === 200) acknowledged.set(n, answer.body['request_id'] as string);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  return acknowledged;
}

function numbersReceived(): Map<number, Set<string>> {
  const ids = new Map<number, Set<string>>();
  for (const { body, headers } of receiver.received('backlog')) {
    const { n } = JSON.parse(body.toString()) as { n: number };
    ids.set(n, (ids.get(n) ?? new Set()).add(headers['webhook-id']!));
  }
  return ids;
}

test('kill -9 of everything in the middle of a backlog loses nothing that was acknowledged', async () => {
  const sending = sendAll();
  await receiver.nth('backlog', 300);
  gateway.killEverything();
  const acknowledged = await sending;
  await until('everything to be gone', () => processesOf(gateway.dataDir).length === 0);
  const before = receiver.received('backlog').length;
  expect(acknowledged.size).toBeGreaterThan(before);

  await gateway.start();
  const missing = () => {
    const received = numbersReceived();
    return [...acknowledged.keys()].filter((n) => !received.has(n));
  };
  await until('every acknowledged request', () => missing().length === 0);

  // The same event twice is the same id twice.
  expect([...numbersReceived().values()].filter((ids) => ids.size > 1)).toEqual([]);
  await until('nothing open', async () => {
    const open = await admin.models('/events?status[0]=QUEUED&status[1]=FAILED&limit=1');
    return open.length === 0;
  });
});

test('what was sent twice is explained by an attempt that was interrupted', async () => {
  const times = Map.groupBy(receiver.received('backlog'), (one) => one.headers['webhook-id']!);
  const twice = [...times].filter(([, received]) => received.length > 1);
  for (const [eventId, received] of twice) {
    const attempts = await admin.attemptsOf(eventId);
    expect(attempts).toHaveLength(received.length);
    expect(attempts[0]).toMatchObject({ status: 'FAILED', error_code: 'UNKNOWN' });
    expect(attempts.at(-1)).toMatchObject({ status: 'SUCCESSFUL' });
  }
});
