import { afterAll, beforeAll, expect, test } from 'vitest';
import { BASE_PATH } from '../../../src/api/server.ts';
import { exchange, answersIn } from '../../support/raw-http.ts';
import { operationsOf } from '../conformance.ts';
import { API_KEY, PUBLIC_URL, startIngest, type Ingest } from '../ingest/ingest.ts';
import { type Gateway, KEY, startGateway } from '../gateway.ts';

let gateway: Gateway;
let ingest: Ingest;
beforeAll(async () => {
  [gateway, ingest] = await Promise.all([
    startGateway(
      {},
      { allowedHosts: ['sluice.internal', '*.corp.example'], trustedProxies: ['127.0.0.1'] },
    ),
    startIngest(),
  ]);
});
afterAll(() => Promise.all([gateway.close(), ingest.close()]));

const JSON_TYPE = 'application/json';
const basic = `Basic ${Buffer.from(`${KEY}:`).toString('base64')}`;

type Asked = { method?: string; path?: string; body?: string; headers?: Record<string, string> };

async function ask({
  method = 'PUT',
  path = '/2026-09-01/sources',
  body = '{"name":"s"}',
  headers = {},
}: Asked) {
  const { host = 'gateway.test', ...others } = headers;
  const lines = Object.entries({ authorization: basic, 'content-type': JSON_TYPE, ...others })
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const heard = await exchange(
    Number(new URL(gateway.origin).port),
    `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return answersIn(heard)[0]!;
}

const status = async (asked: Asked) => (await ask(asked)).status;

test.each([
  ['no browser', {}],
  ['its own page', { origin: 'https://gateway.test', 'sec-fetch-site': 'same-origin' }],
  ['its own page over http', { origin: 'http://gateway.test' }],
  ['its own page by an address', { host: '127.0.0.1:8300', origin: 'http://127.0.0.1:8300' }],
  [
    'its own page by an allowed name',
    { host: 'sluice.internal', origin: 'https://sluice.internal' },
  ],
  [
    'its own page with the usual port',
    { host: 'gateway.test:443', origin: 'https://gateway.test' },
  ],
  ['a person', { 'sec-fetch-site': 'none' }],
  [
    'its own page behind a trusted proxy',
    { host: 'inner', 'x-forwarded-host': 'sluice.internal', origin: 'https://sluice.internal' },
  ],
])('the API changes something for %s', async (_who, headers) => {
  expect(await status({ headers })).toBe(200);
});

const FOREIGN: [string, Record<string, string>][] = [
  ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
  ['another site by its origin alone', { origin: 'https://evil.example' }],
  ['another site by Sec-Fetch-Site alone', { 'sec-fetch-site': 'cross-site' }],
  ['a neighbour of the same site', { 'sec-fetch-site': 'same-site' }],
  ['a name below ours', { origin: 'https://evil.gateway.test' }],
  ['a name that begins as ours', { origin: 'https://gateway.test.evil.example' }],
  ['another port', { origin: 'http://gateway.test:3000' }],
  ['a page without an origin', { origin: 'null' }],
  ['a file', { origin: 'file://' }],
  ['nonsense', { origin: 'gateway.test' }],
  ['a path behind ours', { origin: 'https://gateway.test/evil' }],
  ['a user before ours', { origin: 'https://gateway.test@evil.example' }],
  [
    'an origin that its Sec-Fetch-Site denies',
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
  ],
  ['a Sec-Fetch-Site of a day to come', { 'sec-fetch-site': 'somewhere' }],
];

test.each(FOREIGN)(
  'no page of %s changes anything, with whatever method',
  async (_who, headers) => {
    const before = await gateway.done('GET', '/signing-secrets');
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect(await status({ method, headers })).toBe(403);
    }
    const path = '/2026-09-01/signing-secrets/rotate';
    // As a form without fields does it.
    const form = { ...headers, 'content-type': '' };
    expect(await status({ method: 'POST', path, body: '', headers: form })).toBe(403);
    expect(await gateway.done('GET', '/signing-secrets')).toEqual(before);
    expect(await status({ method: 'GET', body: '', headers })).toBe(200);
  },
);

test('no foreign page publishes, and anybody sends webhooks', async () => {
  const source = await ingest.source('WEBHOOK');
  const headers = { authorization: `Bearer ${API_KEY}`, 'x-sluice-source-id': source };
  const publish = (more: Record<string, string>) =>
    ingest.send('/v1/publish', { headers: { ...headers, ...more }, body: '{}' });
  expect((await publish({})).status).toBe(200);
  expect((await publish({ origin: PUBLIC_URL })).status).toBe(200);
  for (const [, foreign] of FOREIGN) {
    if ('host' in foreign) continue;
    const { origin = 'https://evil.example', ...others } = foreign;
    expect((await publish({ ...others, origin })).status).toBe(403);
    expect(
      (await ingest.sendTo(source, { headers: { ...others, origin }, body: '{}' })).status,
    ).toBe(200);
  }
});

test.each([
  ['gateway.test', 200],
  ['GATEWAY.test.:8300', 200],
  ['localhost:1', 200],
  ['app.localhost', 200],
  ['127.0.0.1', 200],
  ['192.0.2.7:80', 200],
  ['[::1]:8300', 200],
  ['sluice.internal', 200],
  ['a.b.corp.example', 200],
  ['corp.example', 421],
  ['evil.example', 421],
  ['evil.example:8300', 421],
  ['gateway.test.evil.example', 421],
  ['localhost.evil.example', 421],
  ['127.0.0.1.evil.example', 421],
  ['notcorp.example', 421],
])('the API answers for the hosts that are its own: %s %i', async (host, wanted) => {
  const answer = await ask({ method: 'GET', body: '', headers: { host } });
  expect(answer.status).toBe(wanted);
  expect(answer.body.includes('ALLOWED_HOSTS')).toBe(wanted === 421);
  expect(await status({ method: 'GET', path: '/openapi.json', body: '', headers: { host } })).toBe(
    wanted,
  );
  expect(await status({ method: 'GET', path: `http://${host}/2026-09-01/sources`, body: '' })).toBe(
    wanted,
  );
  // Who probes knows no name.
  expect(await status({ method: 'GET', path: '/healthz', body: '', headers: { host } })).toBe(200);
});

test('a host that a trusted proxy says is looked at as well', async () => {
  const seen = (host: string) =>
    ask({ method: 'GET', body: '', headers: { 'x-forwarded-host': host } });
  expect((await seen('evil.example')).status).toBe(421);
  expect((await seen('sluice.internal')).status).toBe(200);
});

test('a body must say that it is JSON, on every route that changes something', async () => {
  const routes = operationsOf(gateway.document)
    .filter(({ method, path }) => method !== 'get' && path.startsWith(BASE_PATH))
    .map(({ method, path }) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, 'x'),
    }));
  expect(routes.length).toBeGreaterThan(30);
  for (const { method, path } of routes) {
    for (const type of [
      '',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      expect([
        method,
        path,
        await status({ method, path, headers: { 'content-type': type } }),
      ]).toEqual([method, path, 415]);
    }
  }
});

test('a body of unknown length must say so too, and none need not', async () => {
  const chunked = (type: string, body: string) =>
    exchange(
      Number(new URL(gateway.origin).port),
      `PUT /2026-09-01/sources HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: ${basic}\r\n${type}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${body}0\r\n\r\n`,
    );
  const body = 'c\r\n{"name":"s"}\r\n';
  expect(answersIn(await chunked('', body))[0]?.status).toBe(415);
  expect(answersIn(await chunked('Content-Type: application/json\r\n', body))[0]?.status).toBe(200);
  const source = String((await gateway.done('PUT', '/sources', { name: 's' }))['id']);
  const path = `/2026-09-01/sources/${source}/enable`;
  expect(await status({ path, body: '', headers: { 'content-type': '' } })).toBe(200);
  expect(await status({ path, body: '', headers: { 'content-type': JSON_TYPE } })).toBe(200);
  expect(
    await status({ path, body: '{}', headers: { 'content-type': 'application/vnd.api+json' } }),
  ).toBe(200);
});

test('a preflight asks without a key, and no page hears that it may', async () => {
  const response = await fetch(`${gateway.origin}/2026-09-01/sources`, {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'PUT' },
  });
  expect(response.status).toBe(204);
  const cors = [...response.headers.keys()].filter((name) => name.startsWith('access-control'));
  expect(cors).toEqual([]);
});

test('nothing is changed by a GET', async () => {
  const words =
    /\/(?:enable|disable|pause|unpause|resume|retry|replay|cancel|mute|rotate|roll|run|archive|unarchive)$/;
  const gets = Object.entries(gateway.document.paths).filter(
    ([, operations]) => 'get' in operations,
  );
  expect(gets.map(([path]) => path).filter((path) => words.test(path))).toEqual([]);
});
