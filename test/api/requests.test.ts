import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/db/ids.ts';
import { each, type Gateway, type Json, startGateway } from './gateway.ts';
import { arrive, type Arriving, ignore, makeEvent } from './history.ts';

let gateway: Gateway;
let sourceId: string;
let connection: Json;
let base: { projectId: string; sourceId: string };

beforeAll(async () => {
  gateway = await startGateway();
  connection = await gateway.done('POST', '/connections', {
    name: 'c',
    source: { name: 's' },
    destination: { name: 'd', config: { url: 'https://example.com' } },
  });
  sourceId = String((connection['source'] as Json)['id']);
  base = { projectId: gateway.projectId, sourceId };
});
afterAll(() => gateway.close());

async function ids(query: string): Promise<unknown[]> {
  return each(await gateway.done('GET', `/requests?${query}`), 'id');
}

/** Two requests on a source of their own, so that lists hold nothing else. */
async function pair(first: Partial<Arriving>, second = {}) {
  const source = await gateway.done('POST', '/sources', { name: `pair-${newId('source')}` });
  const own = { ...base, sourceId: String(source['id']) };
  const wanted = await arrive(gateway.db, { ...own, ...first });
  const other = await arrive(gateway.db, { ...own, ...second });
  const find = (query: string) => ids(`source_id=${own.sourceId}&${query}`);
  return { wanted, other, find };
}

test('a request shows what came in: JSON parsed, text as text, bytes as base64', async () => {
  const show = async (body: string | Buffer, type: string) => {
    const id = await arrive(gateway.db, {
      ...base,
      path: '/orders/1',
      query: 'a=1&b=2&b=3',
      headers: [
        ['Content-Type', type],
        ['X-Tag', 'one'],
        ['x-tag', 'two'],
      ],
      body,
    });
    const shown = await gateway.done('GET', `/requests/${id}`);
    const raw = await gateway.done('GET', `/requests/${id}/raw_body`);
    return { data: shown['data'] as Json, raw };
  };
  const json = await show('{"a": 1.0}', 'application/json');
  expect(json.data).toEqual({
    path: '/orders/1',
    query: 'a=1&b=2&b=3',
    parsed_query: { a: '1', b: ['2', '3'] },
    headers: { 'content-type': 'application/json', 'x-tag': 'one, two' },
    body: { a: 1 },
    body_encoding: 'utf8',
    is_large_payload: false,
  });
  expect(json.raw).toEqual({ body: '{"a": 1.0}', body_encoding: 'utf8' });
  expect((await show('{"a":', 'application/json')).data['body']).toBe('{"a":');
  expect((await show('{}', 'text/plain')).data['body']).toBe('{}');
  const bytes = await show(Buffer.from([0xff, 0x00]), 'application/octet-stream');
  expect(bytes.data).toMatchObject({ body: '/wA=', body_encoding: 'base64' });
  expect(bytes.raw).toEqual({ body: '/wA=', body_encoding: 'base64' });
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  expect((await show(deep, 'application/json')).data['body']).toBe(deep);
  const nul = await show('{"a":"\\u0000","__proto__":1}', 'application/json');
  expect(JSON.stringify(nul.data['body'])).toBe('{"a":"\\u0000","__proto__":1}');
});

test('a body above 2.5 MB is marked, left out of JSON, and found whole as raw body', async () => {
  const body = `"${'x'.repeat(2_500_000)}"`;
  const id = await arrive(gateway.db, { ...base, body });
  const shown = await gateway.done('GET', `/requests/${id}`);
  expect(shown['data']).toMatchObject({ body: null, is_large_payload: true });
  expect((await gateway.done('GET', `/requests/${id}/raw_body`))['body']).toBe(body);
});

test('a rejected request says why, and is found by its cause', async () => {
  const { wanted, other, find } = await pair({
    verified: false,
    rejectionCause: 'VERIFICATION_FAILED',
    rejectionDetail: { reason: 'MISSING_SIGNATURE' },
  });
  expect(await gateway.done('GET', `/requests/${wanted}`)).toMatchObject({
    rejection_cause: 'VERIFICATION_FAILED',
    rejection_detail: { reason: 'MISSING_SIGNATURE' },
    verified: false,
    original_event_data_id: wanted.replace('req_', 'edt_'),
    kind: 'event',
  });
  expect(await find('status=rejected')).toEqual([wanted]);
  expect(await find('status=ACCEPTED')).toEqual([other]);
  expect(await find('rejection_cause=VERIFICATION_FAILED')).toEqual([wanted]);
  expect(await find('rejection_cause[any]=true')).toEqual([wanted]);
  expect(await find('rejection_cause[]=NO_CONNECTION&rejection_cause[]=UNKNOWN')).toEqual([]);
  expect(await find('verified=false')).toEqual([wanted]);
  expect(await find(`id=${other}`)).toEqual([other]);
});

test('requests are found by parts of body, headers, query and path', async () => {
  const { wanted, find } = await pair(
    {
      path: '/Orders/42',
      query: 'page=2&q=a%20b&tag=x&tag=y',
      headers: [
        ['Content-Type', 'application/json'],
        ['X-Shop', 'Berlin'],
      ],
      body: '{"order":{"id":"42","total":5},"note":"Grüße"}',
    },
    { path: '/carts', body: 'not json' },
  );
  const part = (value: unknown) => encodeURIComponent(JSON.stringify(value));
  expect(await find(`body=${part({ order: { id: '42' } })}`)).toEqual([wanted]);
  expect(await find(`body=${part({ order: { id: 42 } })}`)).toEqual([]);
  expect(await find(`headers=${part({ 'x-shop': 'Berlin' })}`)).toEqual([wanted]);
  expect(await find(`headers=${part({ 'x-shop': 'Ber' })}`)).toEqual([]);
  expect(await find(`parsed_query=${part({ page: 2, q: 'a b', tag: ['y', 'x'] })}`)).toEqual([
    wanted,
  ]);
  expect(await find(`parsed_query=${part({ page: '3' })}`)).toEqual([]);
  expect(await find('path=orders')).toEqual([wanted]);
  expect(await find('search_term=gr%C3%BC%C3%9Fe')).toEqual([wanted]);
  expect(await find('search_term=BERLIN')).toEqual([wanted]);
  expect(await find('search_term=not%20there')).toEqual([]);
});

test('requests are found by time and by counts', async () => {
  const now = Date.now();
  const { wanted, other, find } = await pair({ receivedAtMs: now - 3_600_000 });
  const at = new Date(now - 3_600_000).toISOString();
  expect(await find(`created_at[lte]=${at}`)).toEqual([wanted]);
  expect(await find(`created_at[lt]=${at}`)).toEqual([]);
  expect(await find(`created_at[le]=${at}`)).toEqual([]);
  expect(await find(`created_at[gt]=${at}`)).toEqual([other]);
  expect(await find(`ingested_at[gte]=${at}&created_at[lte]=${at}`)).toEqual([wanted]);
  await gateway.db.query({
    text: 'update requests set events_count = 3 where id = $1',
    values: [wanted],
  });
  expect(await find('events_count=3')).toEqual([wanted]);
  expect(await find('events_count[gte]=1&events_count[lt]=3')).toEqual([]);
  expect(await find('events_count[0]=3&events_count[1]=0')).toHaveLength(2);
  expect(await find('ignored_count[gt]=0')).toEqual([]);
  expect(await find('bulk_retry_id=bch_1')).toEqual([]);
});

test('a list with data has the bodies, and ends early where they would be too much for one answer', async () => {
  const source = await gateway.done('POST', '/sources', { name: 'heavy' });
  const own = { ...base, sourceId: String(source['id']) };
  const body = JSON.stringify('x'.repeat(2_400_000));
  const kept: string[] = [];
  for (let i = 0; i < 7; i++) kept.unshift(await arrive(gateway.db, { ...own, body }));
  const list = `/requests?source_id=${own.sourceId}&include=data`;
  const seen: unknown[] = [];
  const counts: unknown[] = [];
  for (let more = ''; ;) {
    const page = await gateway.done('GET', list + more);
    expect((page['models'] as Json[])[0]).toMatchObject({ data: { body: JSON.parse(body) } });
    seen.push(...each(page, 'id'));
    counts.push(page['count']);
    const { next } = page['pagination'] as { next?: string };
    if (next === undefined) break;
    more = `&next=${next}`;
  }
  expect([counts, seen]).toEqual([[3, 3, 1], kept]);
});

test('a request lists its events and the connections that did not take it', async () => {
  const requestId = await arrive(gateway.db, base);
  const connectionId = String(connection['id']);
  const destinationId = String((connection['destination'] as Json)['id']);
  const eventId = await makeEvent(gateway.db, { ...base, requestId, connectionId, destinationId });
  expect(each(await gateway.done('GET', `/requests/${requestId}/events`), 'id')).toEqual([eventId]);
  const another = await arrive(gateway.db, base);
  expect(each(await gateway.done('GET', `/requests/${another}/events`), 'id')).toEqual([]);

  const made = Array.from({ length: 3 }, () => newId('connection'));
  for (const id of made) {
    await ignore(gateway.db, { ...base, requestId, connectionId: id, cause: 'FILTERED' });
  }
  const list = `/requests/${requestId}/ignored_events?dir=asc&limit=2`;
  const first = await gateway.done('GET', list);
  expect((first['models'] as Json[])[0]).toMatchObject({
    id: `${requestId}:${made[0]}`,
    webhook_id: made[0],
    request_id: requestId,
    cause: 'FILTERED',
    meta: ['body'],
  });
  const { next } = first['pagination'] as Json;
  const second = await gateway.done('GET', `${list}&next=${String(next)}`);
  expect(each(second, 'webhook_id')).toEqual([made[2]]);
  const one = await gateway.done('GET', `${list}&id=${requestId}:${made[1]}`);
  expect(each(one, 'webhook_id')).toEqual([made[1]]);
});

test('a request that was cut when it was refused is neither retried nor taken in once more', async () => {
  const id = await arrive(gateway.db, {
    ...base,
    rejectionCause: 'VERIFICATION_FAILED',
    rejectionDetail: {
      reason: 'WRONG_SECRET_OR_BODY',
      hint: null,
      body_cut: { received_bytes: 300_000, kept_bytes: 65_536 },
    },
  });
  for (const word of ['retry', 'replay']) {
    const answer = await gateway.ask('POST', `/requests/${id}/${word}`, { body: {} });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringMatching(/first 65536 bytes.*REJECTED_BODY_KB/),
    });
  }
});

test('a retry is for what was rejected or ignored, and for connections of the same source', async () => {
  const retry = (id: string, body: unknown = {}) =>
    gateway.ask('POST', `/requests/${id}/retry`, { body });
  const accepted = await arrive(gateway.db, base);
  const refused = await retry(accepted);
  expect(refused.status).toBe(400);
  expect(refused.body).toMatchObject({
    message: expect.stringContaining(`through the rules again: POST /requests/${accepted}/replay`),
    data: { request_id: accepted },
  });
  const large = await arrive(gateway.db, { ...base, rejectionCause: 'PAYLOAD_TOO_LARGE' });
  const tooLarge = await retry(large);
  expect(tooLarge.status).toBe(400);
  expect(tooLarge.body['message']).not.toContain('/replay');
  const wrong = await arrive(gateway.db, { ...base, rejectionCause: 'UNSUPPORTED_HTTP_METHOD' });
  expect((await retry(wrong)).body['message']).toContain(`POST /requests/${wrong}/replay`);

  const rejected = await arrive(gateway.db, { ...base, rejectionCause: 'NO_CONNECTION' });
  const heard = gateway.heard.length;
  const answer = await retry(rejected);
  expect(answer.body).toMatchObject({ request: { id: rejected }, events: [] });
  expect(gateway.heard.slice(heard)).toEqual([
    ['retryRequest', { projectId: gateway.projectId, requestId: rejected }],
  ]);
  const connectionIds = [String(connection['id'])];
  await gateway.done('POST', `/requests/${rejected}/retry`, { webhook_ids: connectionIds });
  expect(gateway.heard.at(-1)?.[1]).toMatchObject({ connectionIds });
  const foreign = await retry(rejected, { webhook_ids: [...connectionIds, newId('connection')] });
  expect(foreign.body['data']).toEqual([
    "body.webhook_ids[1] names no connection of the request's source",
  ]);
});

test('a replay goes to its own source, to another one, or to connections: one new request a source', async () => {
  const requestId = await arrive(gateway.db, base);
  const other = await gateway.done('POST', '/connections', {
    name: 'other',
    source: { name: 'other' },
    destination_id: (connection['destination'] as Json)['id'],
  });
  const otherSource = String((other['source'] as Json)['id']);
  const both = [String(connection['id']), String(other['id'])];
  const heard = async (body: unknown) => {
    const from = gateway.heard.length;
    const answer = await gateway.done('POST', `/requests/${requestId}/replay`, body);
    const orders = gateway.heard.slice(from).map(([, order]) => order as Json);
    expect((answer['requests'] as Json[]).length).toBe(orders.length);
    return orders.map(({ sourceId: source, connectionIds }) => [source, connectionIds]);
  };
  expect(await heard({})).toEqual([[sourceId, undefined]]);
  expect(await heard({ source_id: otherSource })).toEqual([[otherSource, undefined]]);
  expect(await heard({ webhook_ids: both })).toEqual([
    [sourceId, [both[0]]],
    [otherSource, [both[1]]],
  ]);
  const wrong = await gateway.ask('POST', `/requests/${requestId}/replay`, {
    body: { source_id: newId('source'), webhook_ids: [both[0]] },
  });
  expect(wrong.body['data']).toEqual([
    'body.source_id names no source',
    'body.webhook_ids[0] names no connection of that source',
  ]);

  const destinationId = String((connection['destination'] as Json)['id']);
  const made = { ...base, requestId, connectionId: both[0]!, destinationId };
  const eventId = await makeEvent(gateway.db, made);
  await gateway.done('POST', `/events/${eventId}/replay`);
  expect(gateway.heard.at(-1)).toEqual([
    'replayRequest',
    { projectId: gateway.projectId, requestId, sourceId, connectionIds: [both[0]] },
  ]);
});
