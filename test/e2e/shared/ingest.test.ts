import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { requestIdOf, type Answer } from '../../support/admin.ts';
import { rawRequest } from '../../support/raw-http.ts';
import { startReceiver, type Received } from '../../support/receiver.ts';
import { sharedGateway } from '../../support/shared-gateway.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;
const receiver = await startReceiver();
const gateway = sharedGateway();
const { admin } = gateway;
const { sourceId } = await admin.define({ name: 'taken', url: receiver.url('taken') });
const url = (path: string) => `${gateway.url()}${path}`;

async function* twice<T>(read: () => Promise<T>): AsyncGenerator<T> {
  yield await read();
  yield await read();
}

const requestsOf = (id: string) => admin.models(`/requests?source_id=${id}`);

test('a source is reached by its id and by its name', async () => {
  const byId = requestIdOf(await admin.post(`${sourceId}/a`));
  const byName = requestIdOf(await admin.post('taken/b'));
  const ids = (await requestsOf(sourceId)).map((request) => request['id']);
  expect(ids).toEqual(expect.arrayContaining([byId, byName]));
});

test('an unknown source is 404, and nothing is stored', async () => {
  const answer = await admin.post('nobody/path');
  expect(answer.status).toBe(404);
  expect(answer.body).toMatchObject({ code: 'NOT_FOUND', data: { source: 'nobody' } });
});

test('a deleted source is 410 by its id, and by its name until another has it', async () => {
  const gone = await admin.done('POST', '/sources', { name: 'gone' });
  await admin.done('DELETE', `/sources/${String(gone['id'])}`);
  const answer = await admin.post(gone['id'] as string);
  expect(answer.status).toBe(410);
  expect(answer.body).toMatchObject({ code: 'GONE', data: { deleted: true } });
  expect((await admin.post('gone')).status).toBe(410);
  await admin.done('POST', '/sources', { name: 'gone' });
  expect((await admin.post('gone')).status).toBe(200);
});

test('what is no HTTP, and headers that are too large, get a code and a sentence too', async () => {
  const wide = await fetch(url('/in/any'), { headers: { 'x-wide': 'x'.repeat(20_000) } });
  expect([wide.status, await wide.json()]).toEqual([
    431,
    {
      code: 'HEADERS_TOO_LARGE',
      status: 431,
      message: expect.stringContaining('16 kB'),
      data: null,
    },
  ]);
  const socket = connect(Number(new URL(url('/')).port), '127.0.0.1');
  socket.end('NONSENSE\r\n\r\n');
  let said = '';
  for await (const chunk of socket) said += String(chunk);
  expect(said).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(JSON.parse(said.split('\r\n\r\n')[1]!)).toMatchObject({ code: 'BAD_REQUEST' });
});

test('the Publish API takes POST alone', async () => {
  const answer = await fetch(url('/v1/publish'), { headers: { authorization: 'Bearer x' } });
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
});

test('the metrics tell what waits', async () => {
  const { apiKey } = gateway;
  const metrics = await fetch(url('/metrics'), { headers: { authorization: `Bearer ${apiKey}` } });
  expect(metrics.status).toBe(200);
  expect(await metrics.text()).toMatch(/^sluice_parked_deliveries \d+$/m);
  expect((await fetch(url('/metrics'))).status).toBe(401);
});

test('a method the source does not take is 405, names those it takes, and is kept with its cause', async () => {
  const source = await admin.done('POST', '/sources', {
    name: 'picky',
    config: { allowed_http_methods: ['PUT', 'GET'] },
  });
  const refused = await admin.post('picky', 'body');
  expect(refused.status).toBe(405);
  expect(refused.headers.get('allow')).toBe('PUT, GET');
  const [kept] = await requestsOf(source['id'] as string);
  expect(kept).toMatchObject({ rejection_cause: 'UNSUPPORTED_HTTP_METHOD' });
  expect((await fetch(url('/in/picky'), { method: 'PUT', body: 'x' })).status).toBe(200);
  expect((await fetch(url('/in/picky'))).status).toBe(200);
});

test('a disabled source answers 200, keeps the request with its cause, and delivers nothing', async () => {
  const { sourceId: id, connectionId } = await admin.define({
    name: 'off',
    url: receiver.url('off'),
  });
  await admin.done('PUT', `/sources/${id}/disable`);
  const requestId = requestIdOf(await admin.post('off'));
  const kept = await admin.done('GET', `/requests/${requestId}`);
  expect(kept).toMatchObject({ rejection_cause: 'SOURCE_DISABLED', events_count: 0 });

  // Disabling a source disables its connections, which are enabled one by one.
  await admin.done('PUT', `/sources/${id}/enable`);
  await admin.done('PUT', `/connections/${connectionId}/enable`);
  const later = requestIdOf(await admin.post('off'));
  const first = await receiver.nth('off', 1);
  expect(first.headers['x-sluice-requestid']).toBe(later);
});

test('10 MiB are taken and delivered, one byte more is 413 and kept with its cause', async () => {
  const { sourceId: id } = await admin.define({ name: 'large', url: receiver.url('large') });
  const body = Buffer.alloc(10 * MIB, 'x');
  requestIdOf(await admin.post('large', body));
  expect((await receiver.nth('large', 1)).body.equals(body)).toBe(true);

  const refused = await admin.post('large', Buffer.alloc(10 * MIB + 1));
  expect(refused.status).toBe(413);
  expect(refused.body).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  const [kept] = await requestsOf(id);
  expect(kept).toMatchObject({ rejection_cause: 'PAYLOAD_TOO_LARGE', events_count: 0 });
});

/** The requests whose events have arrived, each once. */
function deliveredTo(name: string): Set<string | undefined> {
  const ids = receiver.received(name).map((one) => one.headers['x-sluice-requestid']);
  expect(new Set(ids).size).toBe(ids.length);
  return new Set(ids);
}

test('413 comes while the body is still being sent', async () => {
  const pieces = Array.from({ length: 1024 }, () => Buffer.alloc(64 * 1024));
  const answer = await rawRequest(url('/in/large'), { body: pieces });
  expect(answer.status).toBe(413);
  expect(answer.headers.connection).toBe('close');
  expect(answer.sentBytes).toBeLessThan(32 * MIB);
});

test.each([
  ['a header', 'headers.X-Key', { headers: { 'x-key': 'k1' } }, '{}'],
  ['a place in the body', 'body.order.id', {}, '{"order":{"id":"k2"}}'],
  ['a place in the query', 'query.id', { query: '?id=k3' }, '{}'],
])('a repeat with the same key in %s is told the first id', async (_where, path, how, body) => {
  const name = path.replaceAll('.', '-');
  const config = { idempotency_key: path };
  const { sourceId: id } = await admin.define({ name, url: receiver.url(name), source: config });
  const query = 'query' in how ? how.query : '';
  const headers = 'headers' in how ? (how.headers as Record<string, string>) : {};
  const send = () => admin.post(`${name}${query}`, body, { headers });
  const ids: string[] = [];
  for await (const answer of twice<Answer>(send)) ids.push(requestIdOf(answer));
  expect(ids[0]).toBe(ids[1]);
  expect(await requestsOf(id)).toHaveLength(1);

  const other = requestIdOf(
    await admin.post(name, '{"order":{"id":"other"}}', { headers: { 'x-key': 'other' } }),
  );
  await until('the other one', async () => (await requestsOf(id)).length === 2);
  await receiver.nth(name, 2);
  expect(deliveredTo(name)).toEqual(new Set([ids[0], other]));
});

test('of 50 parallel repeats one is stored and delivered, and all are told its id', async () => {
  const config = { idempotency_key: 'headers.x-key' };
  const { sourceId: id } = await admin.define({
    name: 'repeated',
    url: receiver.url('repeated'),
    source: config,
  });
  const send = () => admin.post('repeated', '{}', { headers: { 'x-key': 'same' } });
  const answers = await Promise.all(Array.from({ length: 50 }, send));
  const ids = new Set(answers.map(requestIdOf));
  expect(ids.size).toBe(1);
  expect(await requestsOf(id)).toHaveLength(1);

  const last = requestIdOf(await admin.post('repeated', '{}'));
  await receiver.nth('repeated', 2);
  expect(deliveredTo('repeated')).toEqual(new Set([...ids, last]));
});

test('a delivery that a provider sends again is kept as a replay, and delivered only if somebody retries it', async () => {
  const [secret, name] = ['a-secret', 'redelivered'];
  const { sourceId } = await admin.define({ name, url: receiver.url(name) });
  const config = { auth: { webhook_secret_key: secret } };
  await admin.done('PUT', `/sources/${sourceId}`, { name, type: 'GITHUB', config });
  const signature = createHmac('sha256', secret).update('{}').digest('hex');
  const headers = { 'x-hub-signature-256': `sha256=${signature}`, 'x-github-delivery': 'd-1' };
  const send = async () => requestIdOf(await admin.post(name, '{}', { headers }));
  const first = await send();
  await receiver.nth(name, 1);
  const again = await send();
  const repeat = await until('the repeat is told apart', async () => {
    const request = await admin.done('GET', `/requests/${again}`);
    return request.rejection_cause === null ? undefined : request;
  });
  expect(repeat).toMatchObject({ verified: true, rejection_cause: 'REPLAYED' });
  expect(repeat.rejection_detail).toEqual({
    reason: 'REPLAYED',
    hint: `${first} was the first with this id`,
  });
  expect(deliveredTo(name)).toEqual(new Set([first]));
  await admin.done('POST', `/requests/${again}/retry`);
  await receiver.nth(name, 2);
  expect(deliveredTo(name)).toEqual(new Set([first, again]));
});

test('requests without the key are never taken for repeats of each other', async () => {
  const first = requestIdOf(await admin.post('repeated', '{}'));
  const second = requestIdOf(await admin.post('repeated', '{}', { headers: { 'x-key': '' } }));
  expect(first).not.toBe(second);
});

test('the Publish API takes an event with a key, marks it verified, and forwards its path', async () => {
  const answer = await fetch(url('/v1/publish/orders?a=1'), {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.apiKey}`, 'x-sluice-source-name': 'taken' },
    body: '{"published":true}',
  });
  expect(answer.status).toBe(200);
  const { request_id: requestId } = (await answer.json()) as { request_id: string };
  const received = await until('its delivery', () =>
    receiver.received('taken').find((one) => one.headers['x-sluice-requestid'] === requestId),
  );
  expect(received.url).toBe('/taken/orders?a=1');
  expect(received.headers['x-sluice-verified']).toBe('true');
  expect(received.body.toString()).toBe('{"published":true}');
});

test('the API key of a published event is neither delivered nor kept', async () => {
  const published = receiver.received('taken').filter((one) => one.body.includes('published'));
  expect(published).toHaveLength(1);
  const [{ headers }] = published as [Received];
  expect(JSON.stringify(headers)).not.toContain(gateway.apiKey);
  expect(headers).not.toHaveProperty('authorization');
  const requestId = headers['x-sluice-requestid']!;
  const kept = await admin.done('GET', `/requests/${requestId}`);
  expect(JSON.stringify(kept)).not.toContain(gateway.apiKey);
});

test('the Publish API without a key, or with a wrong one, is 401; without a source 422', async () => {
  const named = { 'x-sluice-source-name': 'taken' };
  const publish = (headers: Record<string, string>) =>
    fetch(url('/v1/publish'), { method: 'POST', headers, body: '{}' });
  expect((await publish(named)).status).toBe(401);
  expect((await publish({ ...named, authorization: 'Bearer wrong' })).status).toBe(401);
  const right = { authorization: `Bearer ${gateway.apiKey}` };
  expect((await publish(right)).status).toBe(422);
  expect((await publish({ ...right, 'x-sluice-source-name': 'nobody' })).status).toBe(422);
});

test('500 requests at once are all taken: load is never answered with 429', async () => {
  await admin.define({ name: 'burst', url: receiver.url('burst') });
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, n) => admin.post('burst', JSON.stringify({ n }))),
  );
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
  expect(new Set(answers.map(requestIdOf)).size).toBe(500);
  await receiver.nth('burst', 500);
  const bodies = new Set(receiver.received('burst').map((one) => one.body.toString()));
  expect(bodies.size).toBe(500);
  expect(receiver.received('burst')).toHaveLength(500);
});
