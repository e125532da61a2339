import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../../support/admin.ts';
import { startReceiver, type Reaction } from '../../support/receiver.ts';
import { sharedGateway } from '../../support/shared-gateway.ts';
import { until } from '../../support/until.ts';

const receiver = await startReceiver();
const gateway = sharedGateway();
const { admin } = gateway;

const FAILS: Reaction = { status: 500, body: 'broken' };
const OK: Reaction = { status: 200, body: '{"taken":true}' };
// Jitter is a tenth at most, and the machine may be busy; a rule that is not heeded waits for a minute.
const LATEST_MS = 30_000;

/** Defines a connection, sends one request through it, and waits until its event is as `wanted`. */
async function deliver(
  name: string,
  {
    rule,
    reactions,
    wanted,
  }: { rule?: object; reactions: Reaction[]; wanted: (e: Json) => boolean },
): Promise<{ eventId: string; event: Json }> {
  receiver.script(name, reactions);
  const rules = rule ? [{ type: 'retry', ...rule }] : [];
  await admin.define({ name, url: receiver.url(name), rules });
  const requestId = requestIdOf(await admin.post(name));
  const event = await admin.eventWhere(requestId, { what: 'is as wanted', wanted });
  return { eventId: event['id'] as string, event };
}

const settled = ({ status, next_attempt_at: next }: Json) =>
  status === 'SUCCESSFUL' || (status === 'FAILED' && next === null);
const waits = ({ status, next_attempt_at: next }: Json) => status === 'FAILED' && next !== null;

/** The waits between attempts, as the destination saw them. */
function gapsMs(name: string): number[] {
  const times = receiver.received(name).map((one) => one.atMs);
  return times.slice(1).map((at, index) => at - times[index]!);
}

/** How late each attempt came after the wait it had to have. */
function latenessMs(name: string, leastMs: number[]): number[] {
  const gaps = gapsMs(name);
  expect(gaps).toHaveLength(leastMs.length);
  return gaps.map((gap, index) => gap - leastMs[index]!);
}

/** Never early, and late only by jitter and a busy machine. */
const onTime = (lateMs: number) => lateMs >= 0 && lateMs < LATEST_MS;

test('a linear rule tries again after the same wait, never earlier, and fails after its count', async () => {
  const { eventId, event } = await deliver('linear', {
    rule: { strategy: 'linear', interval: 300, count: 3 },
    reactions: [FAILS],
    wanted: settled,
  });
  expect(event).toMatchObject({ status: 'FAILED', attempts: 4, response_status: 500 });
  expect(event).toMatchObject({ retry_state: 'ENDED', next_attempt_at: null });
  expect(latenessMs('linear', [300, 300, 300])).toSatisfy((late: number[]) => late.every(onTime));
  const attempts = await admin.attemptsOf(eventId);
  expect(attempts.map((one) => [one['attempt_number'], one['trigger'], one['status']])).toEqual([
    [1, 'INITIAL', 'FAILED'],
    [2, 'AUTOMATIC', 'FAILED'],
    [3, 'AUTOMATIC', 'FAILED'],
    [4, 'AUTOMATIC', 'FAILED'],
  ]);
  expect(attempts[0]).toMatchObject({ response_status: 500, body: 'broken', error_code: null });
});

test('an exponential rule doubles its wait, and ends with the first success', async () => {
  const { event } = await deliver('exponential', {
    rule: { strategy: 'exponential', interval: 300, count: 10 },
    reactions: [FAILS, FAILS, FAILS, OK],
    wanted: settled,
  });
  expect(event).toMatchObject({ status: 'SUCCESSFUL', attempts: 4 });
  expect(latenessMs('exponential', [300, 600, 1200])).toSatisfy((late: number[]) =>
    late.every(onTime),
  );
});

test('all attempts carry the same id and body, their number, and whether another will follow', async () => {
  const seen = receiver.received('linear').map((one) => one.headers);
  expect(new Set(seen.map((headers) => headers['webhook-id'])).size).toBe(1);
  expect(seen.map((headers) => headers['x-sluice-attempt-count'])).toEqual(['1', '2', '3', '4']);
  expect(seen.at(-2)).toHaveProperty('x-sluice-will-retry-after');
  expect(seen.at(-1)).not.toHaveProperty('x-sluice-will-retry-after');
});

test('without a rule nothing is tried again', async () => {
  const { event } = await deliver('norule', { reactions: [FAILS, OK], wanted: settled });
  expect(event).toMatchObject({ status: 'FAILED', attempts: 1, next_attempt_at: null });
});

test('Retry-After in seconds lengthens a wait', async () => {
  await deliver('seconds', {
    rule: { strategy: 'linear', interval: 300, count: 2 },
    reactions: [{ ...FAILS, status: 503, headers: { 'retry-after': '2' } }, OK],
    wanted: settled,
  });
  expect(latenessMs('seconds', [2_000])).toSatisfy((late: number[]) => late.every(onTime));
});

test('Retry-After never shortens one', async () => {
  await deliver('shorter', {
    rule: { strategy: 'linear', interval: 1_000, count: 2 },
    reactions: [{ ...FAILS, headers: { 'retry-after': '0' } }, OK],
    wanted: settled,
  });
  expect(latenessMs('shorter', [1_000])).toSatisfy((late: number[]) => late.every(onTime));
});

test('Retry-After as a date is waited for', async () => {
  const date = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 5_000);
  await deliver('dated', {
    rule: { strategy: 'linear', interval: 300, count: 2 },
    reactions: [{ ...FAILS, headers: { 'retry-after': date.toUTCString() } }, OK],
    wanted: settled,
  });
  expect(receiver.received('dated')[1]!.atMs).toBeGreaterThanOrEqual(date.getTime());
});

test('Retry-After: -1 ends the retries', async () => {
  const { event } = await deliver('nomore', {
    rule: { strategy: 'linear', interval: 300, count: 5 },
    reactions: [FAILS, { ...FAILS, headers: { 'retry-after': '-1' } }],
    wanted: settled,
  });
  expect(event).toMatchObject({ status: 'FAILED', attempts: 2 });
});

test.each([
  [503, 1],
  [404, 1],
  [502, 2],
  [429, 2],
])('of a list of statuses with ranges and exceptions, %i is tried %i times', async (status, n) => {
  const { event } = await deliver(`listed-${status}`, {
    rule: {
      strategy: 'linear',
      interval: 300,
      count: 1,
      response_status_codes: ['500-599', '!503', '429'],
    },
    reactions: [{ status }],
    wanted: settled,
  });
  expect(event).toMatchObject({ status: 'FAILED', attempts: n, response_status: status });
});

test('a failed event is retried by hand, without touching what the rule has left', async () => {
  const { eventId } = await deliver('byhand', { reactions: [FAILS, OK], wanted: settled });
  await admin.done('POST', `/events/${eventId}/retry`);
  const event = await until('its success', async () => {
    const now = await admin.event(eventId);
    return now['status'] === 'SUCCESSFUL' ? now : null;
  });
  expect(event).toMatchObject({ attempts: 2 });
  expect((await admin.attemptsOf(eventId))[1]).toMatchObject({ trigger: 'MANUAL' });
});

test('a successful event is delivered again by hand, with the same id', async () => {
  const { eventId } = await deliver('again', { reactions: [OK], wanted: settled });
  await admin.done('POST', `/events/${eventId}/retry`);
  const second = await receiver.nth('again', 2);
  expect(second.headers['webhook-id']).toBe(eventId);
  await until('its end', async () => (await admin.event(eventId))['attempts'] === 2);
  expect(await admin.event(eventId)).toMatchObject({ status: 'SUCCESSFUL' });
});

test('a retry by hand comes at once where the rule would wait for an hour', async () => {
  const { eventId } = await deliver('impatient', {
    rule: { strategy: 'exponential', interval: 3_600_000, count: 5 },
    reactions: [FAILS, FAILS, OK],
    wanted: waits,
  });
  const planned = (await admin.event(eventId))['next_attempt_at'];
  await admin.done('POST', `/events/${eventId}/retry`);
  const byHand = await receiver.nth('impatient', 2);
  const leftMs = Date.parse(String(planned)) - byHand.atMs;
  const saidMs = Number(byHand.headers['x-sluice-will-retry-after']) * 1_000;
  expect(Math.abs(saidMs - leftMs)).toBeLessThan(LATEST_MS);
  const kept = await until('its failure', async () => {
    const now = await admin.event(eventId);
    return now['attempts'] === 2 && waits(now) ? now : null;
  });
  expect(kept['next_attempt_at']).toBe(planned);
  expect(kept['retry_state']).toBe('PENDING');
  await admin.done('POST', `/events/${eventId}/retry`);
  await until('its success', async () => settled(await admin.event(eventId)));
  expect(await admin.event(eventId)).toMatchObject({ status: 'SUCCESSFUL', next_attempt_at: null });
});

test('a cancelled event is not sent again, unless it is retried by hand', async () => {
  const { eventId } = await deliver('cancelled', {
    rule: { strategy: 'linear', interval: 1_000, count: 5 },
    reactions: [FAILS, OK],
    wanted: waits,
  });
  const cancelled = await admin.done('PUT', `/events/${eventId}/cancel`);
  expect(cancelled).toMatchObject({ status: 'CANCELLED', next_attempt_at: null });
  expect(cancelled['retry_state']).toBeNull();
  expect((await admin.call('PUT', `/events/${eventId}/cancel`)).status).toBe(400);
  // A later event of the same rule has its retry: the cancelled one would have had it before.
  const later = requestIdOf(await admin.post('cancelled', '{"later":true}'));
  receiver.script('cancelled', [FAILS, OK]);
  await admin.eventWhere(later, { what: 'is retried', wanted: settled });
  const ids = receiver.received('cancelled').map((one) => one.headers['webhook-id']);
  expect(ids.filter((id) => id === eventId)).toHaveLength(1);

  await admin.done('POST', `/events/${eventId}/retry`);
  await until('its success', async () => settled(await admin.event(eventId)));
  expect(await admin.event(eventId)).toMatchObject({ status: 'SUCCESSFUL', attempts: 2 });
});

test('a retry is blocked while its destination is disabled, and has ended when its time has come', async () => {
  const { eventId, event } = await deliver('disabled', {
    rule: { strategy: 'linear', interval: 10_000, count: 5 },
    reactions: [FAILS, OK],
    wanted: waits,
  });
  expect(event['retry_state']).toBe('PENDING');
  const destination = `/destinations/${event['destination_id']}`;
  await admin.done('PUT', `${destination}/disable`);
  expect(await admin.event(eventId)).toMatchObject({ status: 'FAILED', retry_state: 'BLOCKED' });
  const ended = await until('its end', async () => {
    const now = await admin.event(eventId);
    return now['retry_state'] === 'ENDED' ? now : null;
  });
  expect(ended).toMatchObject({ status: 'FAILED', error_code: 'CANCELLED', next_attempt_at: null });
  const refused = await admin.call('POST', `/events/${eventId}/retry`);
  expect([refused.status, refused.body['code']]).toEqual([409, 'CONFLICT']);

  await admin.done('PUT', `${destination}/enable`);
  await admin.done('POST', `/events/${eventId}/retry`);
  await until('its success', async () => settled(await admin.event(eventId)));
  const delivered = await admin.event(eventId);
  expect(delivered).toMatchObject({ status: 'SUCCESSFUL', attempts: 2, retry_state: null });
});
