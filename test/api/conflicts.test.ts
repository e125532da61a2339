import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, type Json, startGateway } from './gateway.ts';
import { arrive, type Arriving, ignore, makeEvent } from './history.ts';

let gateway: Gateway;
let number = 0;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

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
  const request = (changes: Partial<Arriving> = {}) => arrive(gateway.db, { ...ends, ...changes });
  return {
    ...ends,
    paths: {
      source: `/sources/${ends.sourceId}`,
      destination: `/destinations/${ends.destinationId}`,
      connection: `/connections/${ends.connectionId}`,
    },
    request,
    event: async () =>
      makeEvent(gateway.db, { ...ends, requestId: await request(), status: 'FAILED' }),
    async ignored() {
      const requestId = await request();
      await ignore(gateway.db, { ...ends, requestId, cause: 'FILTERED' });
      return requestId;
    },
  };
}

/** Asks for what must be refused with a 409, and nothing may have been done. */
async function refused(path: string, body?: unknown): Promise<Json> {
  const heard = gateway.heard.length;
  const answer = await gateway.ask('POST', path, body === undefined ? {} : { body });
  expect([path, answer.status, answer.body['code']]).toEqual([path, 409, 'CONFLICT']);
  expect(gateway.heard).toHaveLength(heard);
  return answer.body;
}

test('an event is not retried once what it belongs to was deleted: the answer says what, and what to do', async () => {
  for (const kind of ['source', 'destination', 'connection'] as const) {
    const { event, paths } = await flow();
    const id = await event();
    await gateway.done('DELETE', paths[kind]);
    const { message, data } = await refused(`/events/${id}/retry`);
    expect(message).toMatch(
      new RegExp(`^The event cannot be retried: the ${kind} "[scd]\\d+" \\(.*\\) was deleted`),
    );
    expect(message).toContain(`POST /events/${id}/replay`);
    expect(data).toEqual({
      id: paths[kind].split('/').at(-1),
      resource_type: kind,
      reason: 'deleted',
    });
  }
});

test('a request is not retried for a connection that made an event of it: the answer says what to do', async () => {
  const { request, connectionId, ...ends } = await flow();
  const requestId = await request();
  await makeEvent(gateway.db, { ...ends, connectionId, requestId });
  const other = await gateway.done('POST', '/connections', {
    name: 'other',
    source_id: ends.sourceId,
    destination_id: ends.destinationId,
  });
  const otherId = String(other['id']);
  await ignore(gateway.db, { ...ends, connectionId: otherId, requestId, cause: 'FILTERED' });
  const path = `/requests/${requestId}/retry`;
  const heard = gateway.heard.length;
  for (const ids of [[connectionId], [otherId, connectionId]]) {
    const answer = await gateway.ask('POST', path, { body: { webhook_ids: ids } });
    expect(answer.body).toMatchObject({
      status: 400,
      message: expect.stringContaining(`POST /requests/${requestId}/replay`),
      data: { request_id: requestId, webhook_ids: [connectionId] },
    });
  }
  expect(gateway.heard).toHaveLength(heard);
  await gateway.done('POST', path, { webhook_ids: [otherId] });
  expect(gateway.heard.at(-1)?.[0]).toBe('retryRequest');
  // A request that was split may have left some of its pieces untaken: they are tried again.
  await ignore(gateway.db, { ...ends, connectionId, requestId, cause: 'TRANSFORMATION_FAILED' });
  await gateway.done('POST', path, { webhook_ids: [connectionId] });
});

test('an event is retried once its destination and its connection are enabled again', async () => {
  for (const kind of ['destination', 'connection'] as const) {
    const { event, paths } = await flow();
    const id = await event();
    await gateway.done('PUT', `${paths[kind]}/disable`);
    expect(await refused(`/events/${id}/retry`)).toMatchObject({
      message: expect.stringContaining(`is disabled. Enable it first: PUT ${paths[kind]}/enable`),
      data: { resource_type: kind, reason: 'disabled' },
    });
    await refused(`/events/${id}/replay`);
    await gateway.done('PUT', `${paths[kind]}/enable`);
    await gateway.done('POST', `/events/${id}/retry`);
    expect(gateway.heard.at(-1)?.[0]).toBe('retryEvents');
  }
});

test('why a destination was disabled stands in the refusal', async () => {
  const { event, destinationId } = await flow();
  const id = await event();
  await gateway.db.query({
    text: `update destinations set disabled_at = now(), disabled_reason = 'atm_1 was answered with 410.' where id = $1`,
    values: [destinationId],
  });
  const { message } = await refused(`/events/${id}/retry`);
  expect(message).toContain('is disabled (atm_1 was answered with 410). Enable it first');
});

test('a request of a deleted or disabled source is not replayed there, and elsewhere it is', async () => {
  const other = await flow();
  for (const [word, reason] of [
    ['disable', 'disabled'],
    ['', 'deleted'],
  ] as const) {
    const { request, event, paths } = await flow();
    const [requestId, eventId] = [await request(), await event()];
    if (word) await gateway.done('PUT', `${paths.source}/${word}`);
    else await gateway.done('DELETE', paths.source);
    const data = { resource_type: 'source', reason };
    expect(await refused(`/requests/${requestId}/replay`, {})).toMatchObject({ data });
    await refused(`/events/${eventId}/replay`, {});
    for (const path of [`/requests/${requestId}`, `/events/${eventId}`]) {
      await gateway.done('POST', `${path}/replay`, { webhook_ids: [other.connectionId] });
      expect(gateway.heard.at(-1)?.[1]).toMatchObject({ sourceId: other.sourceId });
    }
  }
});

test('a replay to a connection that is disabled is refused, and to its source it is not', async () => {
  const { request, paths, connectionId, sourceId } = await flow();
  const id = await request();
  await gateway.done('PUT', `${paths.destination}/disable`);
  expect(await refused(`/requests/${id}/replay`, { webhook_ids: [connectionId] })).toMatchObject({
    data: { resource_type: 'destination', reason: 'disabled' },
  });
  await gateway.done('POST', `/requests/${id}/replay`, { source_id: sourceId });
  expect(gateway.heard.at(-1)?.[0]).toBe('replayRequest');
});

test('a request is not retried where nobody is left to take it', async () => {
  const rejectionCause = 'VERIFICATION_FAILED';
  for (const kind of ['source', 'destination', 'connection'] as const) {
    const { request, ignored, paths, connectionId } = await flow();
    const [rejected, filtered] = [await request({ rejectionCause }), await ignored()];
    await gateway.done('PUT', `${paths[kind]}/disable`);
    const message = expect.stringMatching(/^The request cannot be retried: the .* is disabled\./);
    expect(await refused(`/requests/${rejected}/retry`, {})).toMatchObject({ message });
    expect(await refused(`/requests/${filtered}/retry`, {})).toMatchObject({ message });
    await refused(`/requests/${rejected}/retry`, { webhook_ids: [connectionId] });

    await gateway.done('DELETE', paths[kind]);
    expect(await refused(`/requests/${filtered}/retry`, {})).toMatchObject({
      message: expect.stringContaining(`was deleted. To take it`),
    });
    if (kind === 'source') await refused(`/requests/${rejected}/retry`, {});
  }
});

test('a request is retried while one of those that did not take it is left', async () => {
  const { ignored, paths, ...ends } = await flow();
  const id = await ignored();
  const second = await gateway.done('POST', '/connections', {
    name: `second${number}`,
    source_id: ends.sourceId,
    destination: { name: `second${number}`, config: { url: 'https://example.com/' } },
  });
  const connectionId = String(second['id']);
  await ignore(gateway.db, { ...ends, requestId: id, connectionId, cause: 'FILTERED' });
  await gateway.done('DELETE', paths.connection);
  await gateway.done('POST', `/requests/${id}/retry`, {});
  expect(gateway.heard.at(-1)?.[0]).toBe('retryRequest');
});

test('a name that is taken is refused with what has it, and with what to do instead', async () => {
  await flow();
  const made = await gateway.done('GET', `/connections?name=c${number}`);
  const [connection] = made['models'] as Json[];
  const source_id = (connection!['source'] as Json)['id'];
  const destination_id = (connection!['destination'] as Json)['id'];
  const code = 'addHandler("transform", (request) => request);';
  const transformation = await gateway.done('POST', '/transformations', { name: 'taken', code });
  for (const [kind, id, body] of [
    ['connection', connection!['id'], { name: `c${number}`, source_id, destination_id }],
    ['source', source_id, { name: `s${number}` }],
    [
      'destination',
      destination_id,
      { name: `d${number}`, config: { url: 'https://example.com/' } },
    ],
    ['transformation', transformation['id'], { name: 'taken', code }],
  ] as const) {
    const answer = await gateway.ask('POST', `/${kind}s`, { body });
    const put = `PUT /${kind}s/${String(id)}`;
    expect([kind, answer.status, answer.body['message']]).toEqual([
      kind,
      409,
      `A ${kind} named "${body.name}" exists already: ${String(id)}. To change it, use ${put}; otherwise choose another name.`,
    ]);
    await gateway.done('PUT', `/${kind}s/${String(id)}`, { name: body.name });
  }
});
