import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/db/ids.ts';
import { each, type Gateway, startGateway } from './gateway.ts';
import { arrive, ignore, makeAttempt, makeEvent } from './history.ts';

let gateway: Gateway;
const theirs = {
  projectId: newId('project'),
  sourceId: newId('source'),
  destinationId: newId('destination'),
  connectionId: newId('connection'),
};
let requestId: string;
let eventId: string;
let attemptId: string;

beforeAll(async () => {
  gateway = await startGateway();
  const { db } = gateway;
  const { projectId, sourceId, destinationId, connectionId } = theirs;
  for (const [text, values] of [
    [`insert into projects (id, name, signing_secrets) values ($1, 'other', '')`, [projectId]],
    [
      `insert into sources (id, project_id, name, type) values ($1, $2, 's', 'HTTP')`,
      [sourceId, projectId],
    ],
    [
      `insert into destinations (id, project_id, name, type) values ($1, $2, 'd', 'HTTP')`,
      [destinationId, projectId],
    ],
    [
      `insert into connections (id, project_id, source_id, destination_id) values ($1, $2, $3, $4)`,
      [connectionId, projectId, sourceId, destinationId],
    ],
  ] as const) {
    await db.query({ text, values: [...values] });
  }
  requestId = await arrive(db, { ...theirs, rejectionCause: 'NO_CONNECTION' });
  await ignore(db, { ...theirs, requestId, cause: 'FILTERED' });
  eventId = await makeEvent(db, { ...theirs, requestId, status: 'FAILED' });
  attemptId = await makeAttempt(db, { ...theirs, eventId, number: 1, status: 'FAILED' });
});
afterAll(() => gateway.close());

test('what another project has is a 404 in every place, and nothing is asked of the workflows', async () => {
  const { sourceId, destinationId, connectionId } = theirs;
  const switches = ['enable', 'disable', 'archive', 'unarchive'];
  const named = [
    ['sources', sourceId, switches],
    ['destinations', destinationId, [...switches, 'pause', 'unpause']],
    ['connections', connectionId, [...switches, 'pause', 'unpause']],
  ] as const;
  const calls = [
    ...named.flatMap(([plural, id, words]) => [
      ['GET', `/${plural}/${id}`],
      ['DELETE', `/${plural}/${id}`],
      ['PUT', `/${plural}/${id}`],
      ...words.map((word) => ['PUT', `/${plural}/${id}/${word}`]),
    ]),
    ...['', '/raw_body', '/events', '/ignored_events'].map((end) => [
      'GET',
      `/requests/${requestId}${end}`,
    ]),
    ...['/retry', '/replay'].map((end) => ['POST', `/requests/${requestId}${end}`]),
    ...['', '/raw_body'].map((end) => ['GET', `/events/${eventId}${end}`]),
    ...['/retry', '/replay'].map((end) => ['POST', `/events/${eventId}${end}`]),
    ...['/cancel', '/mute'].map((end) => ['PUT', `/events/${eventId}${end}`]),
    ['GET', `/attempts/${attemptId}`],
    ['GET', `/destinations/${destinationId}/signing-secrets`],
    ['POST', `/destinations/${destinationId}/signing-secrets/rotate`],
  ] as [string, string][];
  for (const [method, path] of calls) {
    const answer = await gateway.ask(method, path);
    expect([path, answer.status]).toEqual([path, 404]);
  }
  expect(gateway.heard).toEqual([]);
});

test('what another project has is in no list, whatever is asked for', async () => {
  const { sourceId, destinationId, connectionId } = theirs;
  for (const path of [
    '/sources',
    `/sources?id=${sourceId}`,
    '/destinations',
    '/connections',
    `/connections?source_id=${sourceId}`,
    '/requests',
    `/requests?id=${requestId}`,
    `/requests?source_id=${sourceId}`,
    '/requests?status=rejected',
    '/events',
    `/events?id=${eventId}`,
    `/events?request_id=${requestId}`,
    `/events?webhook_id=${connectionId}`,
    `/events?source_id=${sourceId}`,
    `/events?destination_id=${destinationId}`,
    '/events?status=FAILED',
    '/attempts',
    `/attempts?event_id=${eventId}`,
    `/attempts?destination_id=${destinationId}`,
  ]) {
    expect([path, each(await gateway.done('GET', path), 'id')]).toEqual([path, []]);
  }
  for (const plural of ['sources', 'destinations', 'connections']) {
    expect(await gateway.done('GET', `/${plural}/count`)).toEqual({ count: 0 });
  }
});

test('what another project has cannot be built upon', async () => {
  const { sourceId, destinationId, connectionId } = theirs;
  const connection = await gateway.ask('POST', '/connections', {
    body: {
      source_id: sourceId,
      destination: { name: 'd', config: { url: 'https://example.com' } },
    },
  });
  expect(connection.body['data']).toEqual(['body.source_id names no source']);
  const other = await gateway.ask('POST', '/connections', {
    body: { source: { name: 's' }, destination_id: destinationId },
  });
  expect(other.body['data']).toEqual(['body.destination_id names no destination']);
  const { id } = await gateway.done('POST', '/sources', { name: 'mine' });
  const own = await arrive(gateway.db, {
    projectId: gateway.projectId,
    sourceId: String(id),
    rejectionCause: 'NO_CONNECTION',
  });
  for (const word of ['retry', 'replay']) {
    const answer = await gateway.ask('POST', `/requests/${own}/${word}`, {
      body: { webhook_ids: [connectionId] },
    });
    expect(answer.status).toBe(422);
  }
});
