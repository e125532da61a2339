import { expect, test } from 'vitest';
import { requestIdOf } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { isSignedWith } from '../support/signatures.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { until } from '../support/until.ts';

const WITHIN_MS = 1_000;
const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin: here } = gateway;
const second = await gateway.add('api');
const { admin: there } = second;
await gateway.add('worker');
const made = await here.define({ name: 'shared', url: receiver.url('shared') });

/** Polls for at most the time a change may take to be known everywhere. */
const soon = <T>(what: string, read: () => Promise<T>) =>
  until(what, read, { withinMs: WITHIN_MS });

const ignoredOf = (requestId: string) => here.models(`/requests/${requestId}/ignored_events`);
const ignoredOnce = (requestId: string) =>
  until(`${requestId} is ignored`, async () => (await ignoredOf(requestId))[0]);

const eventsOf = (requestId: string) =>
  until(`the events of ${requestId}`, async () => {
    const request = await here.done('GET', `/requests/${requestId}`);
    const count = Number(request['events_count']) + Number(request['ignored_count']);
    return count > 0 ? here.eventsOf(requestId) : null;
  });

test('a new source takes requests at every api process within a second, and the worker routes them', async () => {
  await here.define({ name: 'fresh', url: receiver.url('fresh') });
  const answer = await soon('it to be known there', async () => {
    const reply = await there.post('fresh');
    return reply.status === 200 ? reply : null;
  });
  const requestId = requestIdOf(answer);
  expect((await receiver.nth('fresh', 1)).headers['x-sluice-requestid']).toBe(requestId);
});

test('a changed URL is where the next event goes', async () => {
  const url = receiver.url('moved');
  await here.done('PUT', `/destinations/${made.destinationId}`, { config: { url } });
  const moved = await soon('an event at the new place', async () => {
    requestIdOf(await there.post('shared'));
    return receiver.received('moved')[0];
  });
  expect(moved.method).toBe('POST');
});

test('a rotated signing secret signs the next delivery, and one that ended none', async () => {
  const { destinationId } = await here.define({ name: 'signed', url: receiver.url('signed') });
  const path = `/destinations/${destinationId}/signing-secrets`;
  const [old] = await here.models(path);
  const { models } = await here.done('POST', `${path}/rotate`, { old_valid_hours: 0 });
  const next = await soon('a delivery signed with it', async () => {
    const count = receiver.received('signed').length;
    requestIdOf(await there.post('signed', '{"n":1}'));
    const delivery = await receiver.nth('signed', count + 1);
    return isSignedWith(models[0]['secret'], delivery) ? delivery : null;
  });
  expect(isSignedWith(old['secret'], next)).toBe(false);
});

test('a changed connection holds for what arrives a second later, in every process', async () => {
  const { connectionId } = await here.define({ name: 'changing', url: receiver.url('changing') });
  for (const round of [1, 2, 3]) {
    const rules = [{ type: 'filter', body: { round } }];
    const beganAtMs = Date.now();
    await there.done('PUT', `/connections/${connectionId}`, { rules });
    const changedAtMs = Date.now();
    // A machine on which the change itself takes long has no time to lose.
    const lateMs = Math.max(WITHIN_MS, 10 * (changedAtMs - beganAtMs));
    const late: Promise<string>[] = [];
    // Both processes take requests in and both route them, all the time.
    await until('that time is over', async () => {
      const isLate = Date.now() - changedAtMs >= lateMs;
      for (const by of [here, there]) {
        for (const n of [round, round + 1]) {
          const id = by.post('changing', JSON.stringify({ round: n })).then(requestIdOf);
          if (isLate) late.push(id);
          await id;
        }
      }
      return Date.now() - changedAtMs > lateMs + 500;
    });
    for (const [index, id] of (await Promise.all(late)).entries()) {
      const matches = index % 2 === 0;
      const made = matches ? here.eventWhere(id, { what: 'is taken', wanted: () => true }) : null;
      expect(await (made ?? ignoredOnce(id))).toBeTruthy();
      expect(await (matches ? ignoredOf(id) : here.eventsOf(id))).toEqual([]);
    }
  }
});

test('a disabled connection takes no event of any later request', async () => {
  await here.done('PUT', `/connections/${made.connectionId}/disable`);
  await soon('a request it did not take', async () => {
    const requestId = requestIdOf(await there.post('shared'));
    return (await eventsOf(requestId)).length === 0;
  });
  await there.done('PUT', `/connections/${made.connectionId}/enable`);
  const took = await soon('a request it took', async () => {
    const requestId = requestIdOf(await here.post('shared'));
    return (await eventsOf(requestId))[0];
  });
  expect(took).toMatchObject({ webhook_id: made.connectionId });
});

test('of many quick changes the last one stands, in every process', async () => {
  for (let n = 0; n < 20; n++) {
    const word = n % 2 === 0 ? 'disable' : 'enable';
    await (n % 3 === 0 ? here : there).done('PUT', `/sources/${made.sourceId}/${word}`);
  }
  await here.done('PUT', `/sources/${made.sourceId}/disable`);
  for (const api of [here, there]) {
    const rejected = await soon('a rejected request', async () => {
      const requestId = requestIdOf(await api.post('shared'));
      const request = await api.done('GET', `/requests/${requestId}`);
      return request['rejection_cause'] ? request : null;
    });
    expect(rejected).toMatchObject({ rejection_cause: 'SOURCE_DISABLED' });
  }
});

test('no event reaches an api process of its own gateway, on whichever port that listens', async () => {
  // An API process refuses a destination on its own port when it is saved. The other one does not know that port, and
  // the worker was not told it.
  for (const [name, url, saving] of [
    ['own-first', gateway.url(), there],
    ['own-second', second.url(), here],
  ] as const) {
    await saving.define({ name, url });
    const requestId = requestIdOf(await here.post(name));
    const { id } = await here.eventWhere(requestId, {
      what: 'is over',
      wanted: ({ status }) => status === 'FAILED' || status === 'SUCCESSFUL',
    });
    const [attempt] = await here.attemptsOf(id as string);
    expect(attempt).toMatchObject({ error_code: 'DESTINATION_NOT_ALLOWED' });
  }
});

test('an event retried through one api process is delivered by the worker', async () => {
  receiver.script('other', [{ status: 500 }, { status: 200 }]);
  await here.define({ name: 'other', url: receiver.url('other') });
  const requestId = requestIdOf(await here.post('other'));
  const failed = await here.eventWhere(requestId, {
    what: 'fails',
    wanted: ({ status, attempts }) => status === 'FAILED' && attempts === 1,
  });
  await there.done('POST', `/events/${String(failed['id'])}/retry`);
  const event = await here.eventWhere(requestId, {
    what: 'is delivered',
    wanted: ({ status }) => status === 'SUCCESSFUL',
  });
  expect(event).toMatchObject({ attempts: 2 });
});

test('a retry by hand that was refused while Temporal was away can be asked for again', async () => {
  receiver.script('asked', [{ status: 500 }, { status: 200 }]);
  await here.define({ name: 'asked', url: receiver.url('asked') });
  const requestId = requestIdOf(await here.post('asked'));
  const failed = await here.eventWhere(requestId, {
    what: 'fails',
    wanted: ({ status }) => status === 'FAILED',
  });
  await gateway.temporal.kill();
  const first = await here.call('POST', `/events/${failed['id']}/retry`);
  await gateway.temporal.start();
  if (first.status !== 200) await here.done('POST', `/events/${failed['id']}/retry`);
  const event = await here.eventWhere(requestId, {
    what: 'is delivered',
    wanted: ({ status }) => status === 'SUCCESSFUL',
  });
  expect(event).toMatchObject({ attempts: 2 });
});

test('an api process that stops refuses nothing it has begun, and the other goes on', async () => {
  await here.define({ name: 'rolling', url: receiver.url('rolling') });
  const sent = Array.from({ length: 50 }, (_, n) => here.post('rolling', JSON.stringify({ n })));
  const stopped = gateway.api.stop();
  const answers = await Promise.allSettled(sent);
  await stopped;
  const taken = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(taken.every((answer) => answer.status === 200)).toBe(true);
  requestIdOf(await there.post('rolling', '{"n":"there"}'));
  await receiver.nth('rolling', taken.length + 1);
});
