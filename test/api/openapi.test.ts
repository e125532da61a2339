import { afterAll, beforeAll, expect, test } from 'vitest';
import { signingSecretRoutes } from '../../src/api/admin/signing-secrets.ts';
import { createDocument } from '../../src/api/openapi/document.ts';
import { BASE_PATH } from '../../src/api/server.ts';
import { type Conformance, operationsOf } from './conformance.ts';
import { type Gateway, type Json, KEY, startGateway } from './gateway.ts';
import { arrive, ignore, makeAttempt, makeEvent, makeExecution } from './history.ts';
import { type Ingest, startIngest } from './ingest/ingest.ts';

const metrics = { contentType: 'text/plain; version=0.0.4', body: '' };

let gateway: Gateway;
let ingest: Ingest;
beforeAll(async () => {
  gateway = await startGateway({ metrics: () => Promise.resolve(metrics) });
  ingest = await startIngest();
});
afterAll(() => Promise.all([gateway.close(), ingest.close()]));

const config = { url: 'https://example.com' };

test('the document is the same at both places, and every reference in it leads somewhere', async () => {
  const versioned = await fetch(`${gateway.origin}/2026-09-01/openapi.json`);
  expect(await versioned.json()).toEqual(gateway.document);
  const text = JSON.stringify(gateway.document);
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(50);
  for (const [, name] of references) {
    expect(gateway.document.components.schemas).toHaveProperty(name!);
  }
  expect(text).not.toContain('$defs');
  const ids = operationsOf(gateway.document).map((operation) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('every operation of the document answers as the document says', async () => {
  // `ask` holds each answer against the document and throws where they differ.
  const connection = await gateway.done('POST', '/connections', {
    name: 'c',
    source: { name: 's' },
    destination: { name: 'd', config },
    rules: [{ type: 'retry', strategy: 'linear', interval: 1000 }],
  });
  const ends = {
    projectId: gateway.projectId,
    sourceId: String((connection['source'] as Json)['id']),
    destinationId: String((connection['destination'] as Json)['id']),
    connectionId: String(connection['id']),
  };
  await readAll(ends);
  await transform(ends);
  await gateway.done('POST', '/sources', { name: 'other' });
  await gateway.done('PUT', '/sources', { name: 'other', description: 'x' });
  await gateway.done('POST', '/destinations', { name: 'other', config });
  await gateway.done('PUT', '/destinations', { name: 'other', description: 'x' });
  await gateway.done('PUT', '/connections', {
    name: 'c',
    source_id: ends.sourceId,
    destination_id: ends.destinationId,
  });
  for (const [plural, id, words] of [
    ['sources', ends.sourceId, ['disable', 'enable', 'archive', 'unarchive']],
    [
      'destinations',
      ends.destinationId,
      ['disable', 'enable', 'archive', 'unarchive', 'pause', 'unpause', 'resume'],
    ],
    [
      'connections',
      ends.connectionId,
      ['disable', 'enable', 'archive', 'unarchive', 'pause', 'unpause', 'resume'],
    ],
  ] as const) {
    await gateway.done('GET', `/${plural}`);
    await gateway.done('GET', `/${plural}/count`);
    await gateway.done('GET', `/${plural}/${id}`);
    await gateway.done('PUT', `/${plural}/${id}`, { description: 'new' });
    for (const word of words) await gateway.done('PUT', `/${plural}/${id}/${word}`);
  }
  const asana = await gateway.done('PUT', '/sources', { name: 'handed', type: 'ASANA' });
  await gateway.done('PUT', `/sources/${String(asana['id'])}/setup`, { minutes: 5 });
  await gateway.done('GET', `/destinations/${ends.destinationId}/circuit`);
  await gateway.done('GET', '/signing-secrets');
  await gateway.done('POST', '/signing-secrets/rotate');
  await gateway.done('GET', `/destinations/${ends.destinationId}/signing-secrets`);
  await gateway.done('POST', `/destinations/${ends.destinationId}/signing-secrets/rotate`);
  const key = await gateway.done('POST', '/api-keys', { label: 'k' });
  await gateway.done('GET', '/api-keys');
  await gateway.done('GET', `/api-keys/${String(key['id'])}`);
  await gateway.done('PUT', `/api-keys/${String(key['id'])}`, { label: 'l' });
  const next = await gateway.done('POST', `/api-keys/${String(key['id'])}/roll`);
  await gateway.done('DELETE', `/api-keys/${String(next['id'])}`);
  for (const [plural, id] of [
    ['connections', ends.connectionId],
    ['sources', ends.sourceId],
    ['destinations', ends.destinationId],
  ]) {
    await gateway.done('DELETE', `/${plural}/${id}`);
  }
  await sendToAll();
  const ids = operationsOf(gateway.document).map((operation) => operation.operationId);
  expect(ids.filter((id) => !gateway.conformance.seen.has(id))).toEqual([]);
});

test('what acknowledges a request has a name in the document, for typed clients', () => {
  const { paths, components } = gateway.document;
  const schemaOf = (template: string) => {
    const { content } = paths[template]!['post']!.responses[200] as { content: Json };
    return (content['application/json'] as { schema: Json }).schema;
  };
  const reference = { $ref: '#/components/schemas/Acknowledgement' };
  for (const template of ['/in/{source}', '/in/{source}/{path}']) {
    expect((schemaOf(template)['anyOf'] as Json[])[0]).toEqual(reference);
  }
  for (const template of ['/v1/publish', '/v1/publish/{path}']) {
    expect(schemaOf(template)).toEqual(reference);
  }
  expect(components.schemas['Acknowledgement']).toMatchObject({
    required: ['status', 'message', 'request_id'],
    additionalProperties: false,
  });
});

test('ingest and publishing refuse as the document says', async () => {
  const key = { authorization: `Bearer ${KEY}` };
  const id = await ingest.source('WEBHOOK');
  const told = { webhook_secret_key: 'secret', header_key: 'x-signature' };
  const closed = await ingest.source('WEBHOOK', { auth: told, config: { auth_type: 'HMAC' } });
  const statuses = [
    await conforming(ingest.origin, '/in/none', { method: 'POST' }),
    await conforming(ingest.origin, `/in/${id}`),
    await conforming(ingest.origin, `/in/${closed}`, { method: 'POST' }),
    await conforming(ingest.origin, '/v1/publish', { method: 'POST' }),
    await conforming(ingest.origin, '/v1/publish', { method: 'POST', headers: key }),
    await conforming(gateway.origin, '/metrics'),
  ];
  expect(statuses).toEqual([404, 405, 401, 401, 422, 401]);
});

test('the document is made when it is first asked for, and once', async () => {
  let reads = 0;
  const [route] = signingSecretRoutes(gateway.deps);
  const counted = {
    ...route!,
    get path() {
      reads++;
      return '/signing-secrets';
    },
  };
  const document = createDocument([counted], { basePath: BASE_PATH, publicUrl: 'http://a.test' });
  expect(reads).toBe(0);
  const bytes = await document();
  const readOnce = reads;
  expect(readOnce).toBeGreaterThan(0);
  expect(await document()).toBe(bytes);
  expect(reads).toBe(readOnce);
});

test('an answer that is not as the document says is noticed', () => {
  const answer = {
    method: 'GET',
    path: '/2026-09-01/sources/count',
    contentType: 'application/json',
  };
  const faultOf: Conformance['faultOf'] = (given) => gateway.conformance.faultOf(given);
  expect(faultOf({ ...answer, status: 200, body: { count: 1 } })).toBeNull();
  expect(faultOf({ ...answer, status: 200, body: { count: 'one' } })).toContain('must be integer');
  expect(faultOf({ ...answer, status: 200, body: { count: 1, more: 1 } })).toContain('additional');
  expect(faultOf({ ...answer, status: 418, body: {} })).toContain('not in the document');
});

/** Asks what stands beside the admin API: health, metrics, the document, ingest and publishing. */
async function sendToAll(): Promise<void> {
  const key = { authorization: `Bearer ${KEY}` };
  for (const path of ['/healthz', '/readyz', '/openapi.json'])
    await conforming(gateway.origin, path);
  await conforming(gateway.origin, '/metrics', { headers: key });
  const allowed = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  const id = await ingest.source('WEBHOOK', { config: { allowed_http_methods: allowed } });
  for (const method of allowed) {
    await conforming(ingest.origin, `/in/${id}`, { method });
    await conforming(ingest.origin, `/in/${id}/orders`, { method });
  }
  const headers = { ...key, 'x-sluice-source-id': id };
  for (const path of ['/v1/publish', '/v1/publish/orders']) {
    await conforming(ingest.origin, path, { method: 'POST', headers, body: '{}' });
  }
  const customResponse = { content_type: 'json', body: '["taken"]' };
  const custom = await ingest.source('WEBHOOK', { config: { custom_response: customResponse } });
  await conforming(ingest.origin, `/in/${custom}`, { method: 'POST' });
}

/** Sends a request and throws where its answer is not as the document says. */
async function conforming(origin: string, path: string, init: RequestInit = {}): Promise<number> {
  const { method = 'GET' } = init;
  const response = await fetch(`${origin}${path}`, init);
  const contentType = response.headers.get('content-type');
  const text = await response.text();
  const body: unknown = contentType?.includes('json') ? JSON.parse(text) : text;
  const { status } = response;
  const fault = gateway.conformance.faultOf({ method, path, status, contentType, body });
  if (fault) throw new Error(`${method} ${path}: ${fault}: ${text}`);
  return status;
}

async function transform(ends: { projectId: string; sourceId: string; connectionId: string }) {
  const draft = { name: 't', code: 'addHandler("transform", (request) => request);' };
  const made = await gateway.done('POST', '/transformations', { ...draft, env: { A: 'b' } });
  const id = String(made['id']);
  await gateway.done('PUT', '/transformations', { ...draft, isolation: 'fast' });
  await gateway.done('PUT', `/transformations/${id}`, { code: `${draft.code} // again` });
  await gateway.done('PUT', `/transformations/${id}/rollback`, { version: 1 });
  const requestId = await arrive(gateway.db, ends);
  const run = await makeExecution(gateway.db, { ...ends, requestId, transformationId: id });
  for (const path of ['', '/count', ...['', '/versions', '/executions'].map((p) => `/${id}${p}`)]) {
    await gateway.done('GET', `/transformations${path}`);
  }
  await gateway.done('GET', `/transformations/${id}/executions/${run}`);
  const request = { headers: { 'content-type': 'application/json' } };
  await gateway.done('PUT', '/transformations/run', { transformation_id: id, request });
  await gateway.done('DELETE', `/transformations/${id}`);
}

async function readAll(ends: {
  projectId: string;
  sourceId: string;
  destinationId: string;
  connectionId: string;
}): Promise<void> {
  const { db } = gateway;
  const requestId = await arrive(db, { ...ends, rejectionCause: 'NO_CONNECTION' });
  await ignore(db, { ...ends, requestId, cause: 'DISABLED' });
  const ended = await makeEvent(db, { ...ends, requestId, status: 'FAILED' });
  const waiting = await makeEvent(db, { ...ends, requestId: await arrive(db, ends) });
  const attempt = await makeAttempt(db, { ...ends, eventId: ended, number: 1, status: 'FAILED' });
  for (const path of [
    '/requests?include=data',
    `/requests/${requestId}`,
    `/requests/${requestId}/raw_body`,
    `/requests/${requestId}/events?include=data`,
    `/requests/${requestId}/ignored_events`,
    '/events?include=data',
    `/events/${ended}`,
    `/events/${ended}/raw_body`,
    `/attempts?event_id=${ended}`,
    `/attempts/${attempt}`,
  ]) {
    await gateway.done('GET', path);
  }
  await gateway.done('POST', `/requests/${requestId}/retry`, {});
  await gateway.done('POST', `/requests/${requestId}/replay`, {});
  await gateway.done('POST', `/events/${ended}/retry`);
  await gateway.done('POST', `/events/${ended}/replay`);
  await gateway.done('PUT', `/events/${waiting}/cancel`);
  await gateway.done('PUT', `/events/${waiting}/mute`);
}
