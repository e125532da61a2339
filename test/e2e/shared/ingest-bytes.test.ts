import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { rawRequest, type RawHeader } from '../../support/raw-http.ts';
import { startReceiver, type Received } from '../../support/receiver.ts';
import { sharedGateway } from '../../support/shared-gateway.ts';
import { until } from '../../support/until.ts';

const receiver = await startReceiver();
const gateway = sharedGateway();
const { admin } = gateway;
await admin.define({ name: 'bytes', url: receiver.url('bytes') });

const JSON_TYPE: RawHeader = ['Content-Type', 'application/json'];

type Sent = { target?: string; method?: string; headers?: RawHeader[]; body?: Buffer };

/** Sends a request and returns what the destination got of it. */
async function through({ target = '', headers = [], body = Buffer.alloc(0), method }: Sent) {
  const before = receiver.received('bytes').length;
  const answer = await rawRequest(`${gateway.url()}/in/bytes${target}`, {
    headers: [...headers, ['Content-Length', String(body.length)]],
    body: [body],
    ...(method === undefined ? {} : { method }),
  });
  expect(answer.status).toBe(200);
  const requestId = answer.body['request_id'] as string;
  const received = await until('its delivery', () =>
    receiver
      .received('bytes')
      .slice(before)
      .find((one) => one.headers['x-sluice-requestid'] === requestId),
  );
  return { requestId, received };
}

const deep = Buffer.from('['.repeat(10_000) + ']'.repeat(10_000));
const bodies: [string, Buffer][] = [
  ['NUL bytes', Buffer.from('{"a":"\0"}\0')],
  ['an escaped NUL', Buffer.from('{"a":"\\u0000"}')],
  ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0xc3, 0x28, 0x7d])],
  ['a lone surrogate as bytes', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ['an escaped lone surrogate', Buffer.from('{"a":"\\ud800"}')],
  ['__proto__', Buffer.from('{"__proto__":{"x":1},"constructor":{"prototype":{"y":2}}}')],
  ['JSON 10,000 levels deep', deep],
  ['objects 10,000 levels deep', Buffer.from('{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000))],
  ['an empty body', Buffer.alloc(0)],
  ['a byte order mark', Buffer.from('\ufeff{"a":1}')],
  [
    'numbers beyond doubles',
    Buffer.from('{"n":123456789012345678901234567890,"e":1E400,"z":-0.0}'),
  ],
  ['spaces, key order and twice the same key', Buffer.from('{ "b" : 1,\r\n\t"a":2, "b":3 }')],
  ['no JSON where JSON is said', Buffer.from('<not json>')],
  ['every byte there is', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
  ['a megabyte of noise', randomBytes(1_000_000)],
];

test.each(bodies)('%s: arrives byte for byte, and the API can show it', async (_name, body) => {
  const { requestId, received } = await through({ headers: [JSON_TYPE], body });
  expect(received.body.equals(body)).toBe(true);

  const raw = await admin.done('GET', `/requests/${requestId}/raw_body`);
  const encoding = raw['body_encoding'] as unknown as BufferEncoding;
  expect(Buffer.from(raw['body'] as string, encoding).equals(body)).toBe(true);
  const [event] = await admin.models(`/requests/${requestId}/events?include=data`);
  expect(event).toMatchObject({ request_id: requestId });
  expect((await admin.call('GET', `/events/${String(event!['id'])}`)).status).toBe(200);
});

test('requests stored in one batch with a hostile one are all stored', async () => {
  const sent = await Promise.all(
    bodies.map(([, body]) => through({ headers: [JSON_TYPE], body }).then((one) => one.requestId)),
  );
  expect(new Set(sent).size).toBe(bodies.length);
});

test('headers arrive in the order, the case and the number in which they were sent', async () => {
  const headers: RawHeader[] = [
    ['X-Zebra', '1'],
    ['x-apple', '2'],
    ['X-TAG', 'a'],
    ['x-tag', 'b'],
    ['X-Tag', 'c'],
    ['Content-Type', 'text/plain; charset=ISO-8859-1'],
    ['X-Latin', 'caf\u00e9 \u00ff'],
    ['X-Empty', ''],
    ['X-Spaces', 'a  b\tc'],
    ['__proto__', 'kept'],
    ['Cookie', 'a=1; b=2'],
    ['Authorization', 'Bearer of-the-sender'],
    ['Idempotency-Key', 'of-the-sender'],
    ['User-Agent', 'Sender/1.0'],
  ];
  const { received } = await through({ headers, body: Buffer.from('x') });
  const names = new Set(headers.map(([name]) => name));
  expect(received.rawHeaders.filter(([name]) => names.has(name))).toEqual(headers);
});

test('a sender can pass for neither the gateway nor its signature', async () => {
  const forged: RawHeader[] = [
    ['webhook-id', 'evt_forged'],
    ['Webhook-Signature', 'v1,forged'],
    ['X-Sluice-EventID', 'evt_forged'],
    ['X-Sluice-Verified', 'true'],
  ];
  const { received } = await through({ headers: forged });
  // What a sender says of a message of its own is kept under a name that no receiver takes for ours.
  const kept = /^x-sluice-original-webhook-/i;
  const others = received.rawHeaders.filter(([name]) => !kept.test(name));
  expect(JSON.stringify(others)).not.toContain('forged');
  expect(received.headers['x-sluice-verified']).toBe('false');
});

test('what is meant for one hop alone stays behind', async () => {
  const { received } = await through({
    headers: [
      ['Connection', 'X-Secret, keep-alive'],
      ['X-Secret', 'of this hop'],
      ['TE', 'trailers'],
      ['Proxy-Authorization', 'Basic of-this-hop'],
    ],
  });
  expect(JSON.stringify(received.rawHeaders)).not.toContain('of');
});

test('numbers and forms: what a filter takes and a transformation does not touch arrives as it was written', async () => {
  const code = `addHandler('transform', (request) => { request.body.seen = 'é'; return request; });`;
  const rules = `[{"type":"filter","body":{"$or":[{"id":8202522731445525542},{"name":"Martín"}]}},{"type":"transform","transformation":{"name":"seen","code":${JSON.stringify(code)}}}]`;
  const url = receiver.url('numbers');
  const made = await rawRequest(`${gateway.url()}/2026-09-01/connections`, {
    headers: [JSON_TYPE, ['Authorization', `Bearer ${gateway.apiKey}`]],
    body: [
      `{"name":"numbers","source":{"name":"numbers"},"destination":{"name":"numbers","type":"HTTP","config":{"url":"${url}"}},"rules":${rules}}`,
    ].map((text) => Buffer.from(text)),
  });
  expect([made.status, JSON.stringify(made.body)]).toEqual([200, expect.any(String)]);
  const form = { headers: { 'content-type': 'application/x-www-form-urlencoded; charset=latin1' } };
  const json = { headers: { 'content-type': 'application/json' } };
  await admin.post('numbers', '{"id":8202522731445525543,"price":1.10}', json);
  await admin.post('numbers', '{"id":8202522731445525542, "price":1.10,"huge":1e400}', json);
  await admin.post('numbers', 'name=Mart%EDn&x=%e9', form);
  await receiver.nth('numbers', 2);
  const bodies = receiver.received('numbers').map(({ body }) => body.toString());
  expect(new Set(bodies)).toEqual(
    new Set([
      '{"id":8202522731445525542,"price":1.10,"huge":1e400,"seen":"é"}',
      'name=Mart%EDn&x=%e9&seen=%E9',
    ]),
  );
});

test('path and query arrive as they were written', async () => {
  const target = '/a//b/%2F%00/ü?x=1&x=2&%20=%zz&y=%00&empty=&plus=a+b';
  const encoded = target.replace('ü', '%C3%BC');
  const { received } = await through({ target: encoded });
  expect(received.url).toBe(`/bytes${encoded}`);
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s is delivered as it is', async (method) => {
  const { received } = await through({ method, body: Buffer.from('{}') });
  expect(received.method).toBe(method);
});

test('a body in chunks without a length arrives whole', async () => {
  const pieces = [Buffer.from('{"a":'), Buffer.from([0xff, 0x00]), Buffer.from('}')];
  const before = receiver.received('bytes').length;
  const url = `${gateway.url()}/in/bytes`;
  const answer = await rawRequest(url, { headers: [JSON_TYPE], body: pieces });
  expect(answer.status).toBe(200);
  const received: Received = await until('its delivery', () => receiver.received('bytes')[before]);
  expect(received.body.equals(Buffer.concat(pieces))).toBe(true);
});
