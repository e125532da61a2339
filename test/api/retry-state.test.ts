import { afterAll, beforeAll, expect, test } from 'vitest';
import { each, type Gateway, type Json, startGateway } from './gateway.ts';
import { arrive, makeEvent, type MadeEvent } from './history.ts';

let gateway: Gateway;
let number = 0;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

/** A connection of its own, with a way to put events on it. */
async function flow() {
  number += 1;
  const connection = await gateway.done('POST', '/connections', {
    name: `c${number}`,
    source: { name: `s${number}` },
    destination: { name: `d${number}`, config: { url: 'https://example.com/' } },
  });
  const ends = {
    projectId: gateway.projectId,
    sourceId: String((connection['source'] as Json)['id']),
    destinationId: String((connection['destination'] as Json)['id']),
    connectionId: String(connection['id']),
  };
  const event = async (changes: Partial<MadeEvent>) =>
    makeEvent(gateway.db, { ...ends, requestId: await arrive(gateway.db, ends), ...changes });
  return { ...ends, event };
}

const later = () => new Date(Date.now() + 60_000);
const stateOf = async (id: string) => (await gateway.done('GET', `/events/${id}`))['retry_state'];

test('a failed event that will be retried is told from one that failed for good', async () => {
  const { event, connectionId } = await flow();
  const retried = await event({ status: 'FAILED', attempts: 1, nextAttemptAt: later() });
  // Its attempt is under way, or waits for a place.
  const due = await event({ status: 'FAILED', attempts: 1, nextAttemptAt: new Date(0) });
  const failed = await event({ status: 'FAILED', attempts: 3 });
  const closed = await event({ status: 'FAILED', errorCode: 'CANCELLED' });
  expect(await stateOf(retried)).toBe('PENDING');
  expect(await stateOf(due)).toBe('PENDING');
  expect(await stateOf(failed)).toBe('ENDED');
  expect(await stateOf(closed)).toBe('ENDED');

  const others: string[] = [];
  for (const status of ['QUEUED', 'SCHEDULED', 'HOLD', 'SUCCESSFUL', 'CANCELLED'] as const) {
    for (const nextAttemptAt of [null, later()]) {
      others.push(await event({ status, attempts: 1, nextAttemptAt }));
    }
  }
  for (const id of others) expect(await stateOf(id)).toBeNull();

  const find = async (query: string) => each(await gateway.done('GET', `/events?${query}`), 'id');
  for (const lane of [`webhook_id=${connectionId}&`, '']) {
    expect(await find(`${lane}retry_state=PENDING`)).toEqual([due, retried]);
    expect(await find(`${lane}retry_state=ended`)).toEqual([closed, failed]);
    expect(await find(`${lane}retry_state[any]=true`)).toHaveLength(4);
    expect(await find(`${lane}status=HOLD&retry_state=PENDING`)).toEqual([]);
    expect(await find(`${lane}retry_state=PENDING&limit=1`)).toEqual([due]);
  }
  const page = await gateway.done('GET', `/events?webhook_id=${connectionId}&status=FAILED`);
  expect(each(page, 'retry_state')).toEqual(['ENDED', 'ENDED', 'PENDING', 'PENDING']);
});

test('a retry is blocked while its destination or connection is disabled, and ended once it is deleted', async () => {
  for (const kind of ['destination', 'connection'] as const) {
    const { event, connectionId, destinationId } = await flow();
    const path =
      kind === 'destination' ? `/destinations/${destinationId}` : `/connections/${connectionId}`;
    const id = await event({ status: 'FAILED', attempts: 1, nextAttemptAt: later() });
    const found = async (state: string) =>
      (await gateway.done('GET', `/events?webhook_id=${connectionId}&retry_state=${state}`))[
        'count'
      ];
    await gateway.done('PUT', `${path}/disable`);
    expect([await stateOf(id), await found('BLOCKED'), await found('PENDING')]).toEqual([
      'BLOCKED',
      1,
      0,
    ]);
    await gateway.done('PUT', `${path}/enable`);
    expect([await stateOf(id), await found('BLOCKED'), await found('PENDING')]).toEqual([
      'PENDING',
      0,
      1,
    ]);
    await gateway.done('DELETE', path);
    expect([await stateOf(id), await found('ENDED'), await found('PENDING')]).toEqual([
      'ENDED',
      1,
      0,
    ]);
  }
});

test('no attempt is promised to the events of a deleted destination or connection', async () => {
  for (const kind of ['destination', 'connection'] as const) {
    const { event, connectionId, destinationId } = await flow();
    const waiting = [
      await event({ status: 'SCHEDULED', nextAttemptAt: later() }),
      await event({ status: 'FAILED', attempts: 1, nextAttemptAt: later() }),
    ];
    const planned = async () =>
      each(
        await gateway.done('GET', `/events?webhook_id=${connectionId}&next_attempt_at[any]=true`),
        'id',
      );
    expect(await planned()).toEqual(waiting.toReversed());
    await gateway.done(
      'DELETE',
      `/${kind}s/${kind === 'destination' ? destinationId : connectionId}`,
    );
    expect(await planned()).toEqual([]);
    for (const id of waiting) {
      expect((await gateway.done('GET', `/events/${id}`))['next_attempt_at']).toBeNull();
    }
  }
});

test('the events of a deleted source are not retried either', async () => {
  const { event, sourceId } = await flow();
  const id = await event({ status: 'FAILED', attempts: 1, nextAttemptAt: later() });
  await gateway.done('DELETE', `/sources/${sourceId}`);
  expect(await stateOf(id)).toBe('ENDED');
});
