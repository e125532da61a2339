import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFlows } from './flows.ts';
import { each, type Gateway, type Json, startGateway } from './gateway.ts';
import { makeAttempt } from './history.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
const flow = createFlows(() => gateway);

test('a retry is handed on for an event that has ended or waits for its next attempt', async () => {
  const { event } = await flow();
  for (const status of ['SUCCESSFUL', 'FAILED', 'CANCELLED'] as const) {
    const id = await event({ status });
    expect((await gateway.done('POST', `/events/${id}/retry`))['id']).toBe(id);
    const order = { projectId: gateway.projectId, eventIds: [id] };
    expect(gateway.heard.at(-1)).toEqual(['retryEvents', order]);
  }
  for (const status of ['QUEUED', 'SCHEDULED', 'HOLD'] as const) {
    const id = await event({ status });
    const answer = await gateway.ask('POST', `/events/${id}/retry`);
    expect(answer.body).toEqual({
      code: 'BAD_REQUEST',
      status: 400,
      message: `The event is ${status}: Sluice will deliver it, so there is nothing to retry.`,
      data: { event_id: id },
    });
  }
});

test('an event is cancelled while something is left to cancel; mute is another word for it', async () => {
  const { event } = await flow();
  for (const changes of [
    { status: 'QUEUED' },
    { status: 'SCHEDULED' },
    { status: 'HOLD' },
    { status: 'FAILED', nextAttemptAt: new Date() },
  ] as const) {
    for (const word of ['cancel', 'mute']) {
      const id = await event(changes);
      await gateway.done('PUT', `/events/${id}/${word}`);
      expect(gateway.heard.at(-1)?.[0]).toBe('cancelEvents');
    }
  }
  for (const status of ['SUCCESSFUL', 'FAILED', 'CANCELLED'] as const) {
    const answer = await gateway.ask('PUT', `/events/${await event({ status })}/cancel`);
    expect(answer.status).toBe(400);
  }
});

test('attempts are listed by event, and show what was sent and what came back', async () => {
  const { event, projectId, destinationId, connectionId } = await flow();
  const other = (await flow()).connectionId;
  const id = await event();
  const made = { projectId, eventId: id, destinationId };
  const first = await makeAttempt(gateway.db, {
    ...made,
    number: 1,
    status: 'FAILED',
    responseStatus: 503,
    body: '{"error":"busy"}',
  });
  const second = await makeAttempt(gateway.db, { ...made, number: 2 });
  const list = await gateway.done('GET', `/attempts?event_id=${id}`);
  expect(each(list, 'id')).toEqual([second, first]);
  expect(each(list, 'status')).toEqual(['QUEUED', 'FAILED']);
  const shown = await gateway.done('GET', `/attempts/${first}`);
  expect(shown).toMatchObject({
    event_id: id,
    attempt_number: 1,
    trigger: 'INITIAL',
    response_status: 503,
    body: { error: 'busy' },
    response_headers: { 'content-type': 'application/json' },
    requested_url: 'https://example.com/',
    http_method: 'POST',
  });
  const find = async (query: string) => each(await gateway.done('GET', `/attempts?${query}`), 'id');
  expect(await find(`destination_id=${destinationId}&status=FAILED`)).toEqual([first]);
  expect(await find(`destination_id=${destinationId}&status=queued`)).toEqual([second]);
  expect(await find(`event_id=${id}&response_status[gte]=500`)).toEqual([first]);
  expect(await find(`id=${first}`)).toEqual([first]);
  expect(await find(`webhook_id=${connectionId}`)).toEqual([second, first]);
  expect(await find(`webhook_id=${connectionId}&status=FAILED`)).toEqual([first]);
  expect(await find(`webhook_id=${other}`)).toEqual([]);
  // The beginning of an id is not the id.
  expect(await find(`event_id=${id.slice(0, -4)}`)).toEqual([]);
  const page = await gateway.done('GET', `/attempts?event_id=${id}&limit=1&dir=asc`);
  expect(each(page, 'id')).toEqual([first]);
  const { next } = page['pagination'] as Json;
  expect(await find(`event_id=${id}&limit=1&dir=asc&next=${String(next)}`)).toEqual([second]);
});
