import { expect, test } from 'vitest';
import { InternalHeader } from '../../src/domain/status.ts';
import { buildRequest, commonHeaders } from '../../src/egress/outgoing.ts';
import type { OutgoingRequest } from '../../src/egress/send.ts';
import { deliveryOf } from './delivery.ts';

function built(parts: Parameters<typeof deliveryOf>[0]): OutgoingRequest {
  const request = buildRequest(deliveryOf(parts));
  if ('kind' in request) throw new Error(request.message);
  return request;
}

function urlOf(url: string, request: { path?: string; query?: string } = {}, disabled = false) {
  return built({ destination: { url, pathForwardingDisabled: disabled }, request }).url;
}

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

test('the headers that came in go out first, unchanged, then our own in their fixed order', () => {
  const request = built({
    destination: { signingSecrets: [secret] },
    request: {
      headers: [
        ['Host', 'gateway.example'],
        ['User-Agent', 'Shop/1.0'],
        ['content-Type', 'application/json'],
        ['Content-Length', '7'],
        ['Stripe-Signature', 't=1,v1=abc'],
        ['Accept-Encoding', 'gzip'],
        ['Connection', 'keep-alive, X-Hop'],
        ['X-Hop', '1'],
        ['X-Same', '1'],
        ['X-Same', '2'],
      ],
    },
  });
  expect(request.headers).toEqual([
    ['User-Agent', 'Shop/1.0'],
    ['content-Type', 'application/json'],
    ['Stripe-Signature', 't=1,v1=abc'],
    ['X-Same', '1'],
    ['X-Same', '2'],
    ['accept', 'application/json, text/plain, */*'],
    ['accept-encoding', 'identity'],
    ['idempotency-key', 'evt_1'],
    ['x-sluice-signature', expect.any(String)],
    ['x-sluice-eventid', 'evt_1'],
    ['x-sluice-requestid', 'req_1'],
    ['x-sluice-verified', 'true'],
    ['x-sluice-source-name', 'shop'],
    ['x-sluice-attempt-count', '1'],
    ['x-sluice-attempt-trigger', 'INITIAL'],
    ['x-sluice-will-retry-after', '60'],
    ['webhook-id', 'evt_1'],
    ['webhook-timestamp', '1795435200'],
    ['webhook-signature', expect.stringMatching(/^v1,/)],
  ]);
});

test('the prefix of our headers is the project\u2019s', () => {
  const { headers } = built({
    project: { headersPrefix: 'X-Hookdeck' },
    destination: { signingSecrets: ['old-style', 'older'] },
  });
  const names = headers.map(([name]) => name);
  expect(names).toContain('x-hookdeck-eventid');
  expect(names).toContain('x-hookdeck-signature');
  expect(names).toContain('x-hookdeck-signature-2');
  expect(names.some((name) => name.startsWith('x-sluice'))).toBe(false);
});

test('a sender cannot set the headers that are ours', () => {
  const { headers } = built({
    request: {
      verified: false,
      headers: [
        ['X-Sluice-Verified', 'true'],
        ['x-sluice-anything', '1'],
        ['Webhook-Id', 'msg_forged'],
        ['Webhook-Signature', 'v1,forged'],
        ['Webhook-Timestamp', '1'],
        // Many receivers read an underscore as a hyphen.
        ['x_sluice_verified', 'forged'],
        ['webhook_id', 'forged'],
      ],
    },
  });
  // What the sender set is kept, under names that say whose it is.
  const ours = headers.filter(([name]) => !name.startsWith('x-sluice-original-webhook-'));
  expect(headers.length - ours.length).toBe(3);
  const text = JSON.stringify(ours);
  expect(text).not.toContain('forged');
  expect(text).not.toContain('anything');
  expect(headers.filter(([name]) => name === 'x-sluice-verified')).toEqual([
    ['x-sluice-verified', 'false'],
  ]);
});

test('what the sender said of accept and idempotency-key stands, once', () => {
  const headers: [string, string][] = [
    ['Accept', 'text/csv'],
    ['Idempotency-Key', 'order-1'],
  ];
  const request = built({ request: { headers } });
  const named = request.headers.filter(([name]) => /^(accept|idempotency-key)$/i.test(name));
  expect(named).toEqual(headers);
});

test('a receiver is told of addresses and names inside only as far as its destination says', () => {
  const told = (internalHeaders: InternalHeader[]) => {
    const own = /^x-sluice-(event-url|original-ip|connection-name|destination-name)$/;
    return built({ destination: { internalHeaders } }).headers.filter(([name]) => own.test(name));
  };
  expect(told([])).toEqual([]);
  expect(told(['event_url'])).toEqual([
    ['x-sluice-event-url', 'http://localhost:8300/events/evt_1'],
  ]);
  expect(told(Object.values(InternalHeader))).toEqual([
    ['x-sluice-original-ip', '203.0.113.7'],
    ['x-sluice-event-url', 'http://localhost:8300/events/evt_1'],
    ['x-sluice-connection-name', 'shop-to-billing'],
    ['x-sluice-destination-name', 'billing'],
  ]);
});

test('what is not known is left out: no retry ahead, no address, no connection name', () => {
  const { appended: names } = commonHeaders(
    deliveryOf({
      destination: { internalHeaders: Object.values(InternalHeader) },
      attempt: { willRetryAfterSeconds: null },
      request: { sourceIp: null },
      connection: { name: null },
      event: { url: null },
    }),
  );
  expect(names).toContain('x-sluice-destination-name');
  for (const name of ['will-retry-after', 'original-ip', 'connection-name', 'event-url']) {
    expect(names).not.toContain(`x-sluice-${name}`);
  }
});

test('names of any script fit into a header', () => {
  const { headers } = built({ source: { name: 'Źródło \ud800\r\nx: y' } });
  const value = headers.find(([name]) => name === 'x-sluice-source-name')?.[1];
  expect(value).toBe('%C5%B9r%C3%B3d%C5%82o %EF%BF%BD%0D%0Ax: y');
});

test('the body, the deadline and the tenant pass through', () => {
  const body = Buffer.from([0, 255, 10]);
  const request = built({ request: { body }, destination: { timeoutMs: 900_000 } });
  expect(request.body).toBe(body);
  expect(request).toMatchObject({ timeoutMs: 900_000, poolKey: expect.stringMatching(/^tm_1\/./) });
});

test('the method is the one that came in, unless the destination sets its own', () => {
  expect(built({ request: { method: 'PATCH' } }).method).toBe('PATCH');
  expect(built({ request: { method: 'PATCH' }, destination: { httpMethod: 'PUT' } }).method).toBe(
    'PUT',
  );
});

test.each([
  ['https://a.example', '', 'https://a.example/'],
  ['https://a.example', '/orders/1', 'https://a.example/orders/1'],
  ['https://a.example/hook', '', 'https://a.example/hook'],
  ['https://a.example/hook', '/', 'https://a.example/hook/'],
  ['https://a.example/hook/', '/orders/1', 'https://a.example/hook/orders/1'],
  ['https://a.example/hook', '/a%2Fb%20c', 'https://a.example/hook/a%2Fb%20c'],
  ['https://a.example/hook', '//evil.example/x', 'https://a.example/hook//evil.example/x'],
  ['https://a.example/hook', '/../../admin', 'https://a.example/hook/admin'],
  ['https://a.example/hook', '/%2e%2e/%2E%2E/admin', 'https://a.example/hook/admin'],
  ['https://a.example/hook', '/..\\..\\admin', 'https://a.example/hook/admin'],
  ['https://a.example/hook', '/@evil.example', 'https://a.example/hook/@evil.example'],
  ['https://a.example/hook', '/a?b#c', 'https://a.example/hook/a%3Fb%23c'],
  ['https://a.example/hook', '/caf\xe9', 'https://a.example/hook/caf%C3%A9'],
  ['https://a.example/hook#part', '/x', 'https://a.example/hook/x'],
])('%s with the path %j goes to %s', (url, path, expected) => {
  expect(urlOf(url, { path })).toBe(expected);
});

test.each([
  `/it's`,
  '/"quoted"',
  '/a|b^c`d{e}<f>',
  '/a\\b',
  '/a//b///',
  '/a/./b/../c',
  '/a/%2e%2e/b/%2E',
  '/a%2Fb%5Cc%zz%',
  '/a;v=1/b;c',
  '/a:b@c!$&()*+,=~[]',
  '/a%20b+c',
  '/.',
  '/a/..',
  '/...',
  '/..a/b..',
])('the path %j leaves as it came', (path) => {
  expect(urlOf('https://a.example/hook', { path })).toBe(`https://a.example/hook${path}`);
});

test.each([
  `a='b'&c="d"`,
  'a|b^c`d{e}<f>\\g[h]',
  'a=%20+%2B&&b&=&',
  'x=/../..//./%2e%2e',
  'a=?b?c',
  'a;b=1;c',
  '%zz%',
  '&',
])('the query %j leaves as it came', (query) => {
  expect(urlOf('https://a.example/hook', { query })).toBe(`https://a.example/hook?${query}`);
});

test.each([
  `https://a.example/it's?a='b'&c="d"`,
  'https://a.example/a|b/./c?x={y}^`z`',
  'https://a.example/a%20b?c=%2F+d',
])("the destination's own %s leaves as it was written", (url) => {
  expect(urlOf(url)).toBe(url);
});

test.each([
  ['https://a.example?a=1', 'https://a.example/?a=1'],
  ['https://a.example/x?', 'https://a.example/x'],
  ['  https://A.Example:443/x y#z ', 'https://a.example/x%20y'],
  ['https://a.example\\x', 'https://a.example/x'],
  ['https:a.example/x', 'https://a.example/x'],
  ['https://\u65e5\u672c.example/\u65e5', 'https://xn--wgv71a.example/%E6%97%A5'],
])('a destination written as %j is reached at %s', (url, expected) => {
  expect(urlOf(url)).toBe(expected);
});

test.each([
  ['a line break', '/a\r\nx-injected: 1', '/a%0D%0Ax-injected:%201'],
  ['NUL and DEL', '/a\0\x7f', '/a%00%7F'],
  ['a space and a tab', '/a b\tc', '/a%20b%09c'],
  ['other scripts', '/\u65e5\xe9', '/%E6%97%A5%C3%A9'],
  ['half a character', '/\ud800', '/%EF%BF%BD'],
])(
  'what no request line can hold is encoded in a path and in a query: %s',
  (_what, text, expected) => {
    expect(urlOf('https://a.example', { path: text })).toBe(`https://a.example${expected}`);
    const query = text.slice(1);
    expect(urlOf('https://a.example', { query })).toBe(`https://a.example/?${expected.slice(1)}`);
  },
);

test.each([
  ['/..', '/hook/'],
  ['/a/../../b', '/hook/b'],
  ['/a//../../b', '/hook/b'],
  ['/./../b', '/hook/b'],
  ['/a\\..\\..\\b', '/hook/b'],
  ['/%2e./b', '/hook/b'],
])('the path %j leads nowhere above the destination: it goes to %s', (path, expected) => {
  expect(urlOf('https://a.example/hook', { path })).toBe(`https://a.example${expected}`);
});

test.each(['/..;/admin', '/..;x=1/admin', '/..%2fadmin', '/a/..%5C..%5Cb', '/%2e%2e%3bx/b'])(
  'the path %j, by which some receivers climb, is refused in words',
  (path) => {
    const delivery = deliveryOf({
      destination: { url: 'https://a.example/hook' },
      request: { path },
    });
    expect(buildRequest(delivery)).toMatchObject({
      kind: 'refused',
      errorCode: 'INVALID_URL',
      message: expect.stringContaining('out of'),
    });
  },
);

test('a path is not forwarded where the destination says so', () => {
  expect(urlOf('https://a.example/hook', { path: '/x', query: 'a=1' }, true)).toBe(
    'https://a.example/hook?a=1',
  );
});

test('the query is forwarded as it came, unless the destination has its own', () => {
  const query = 'a=1&a=2&empty&enc=%2F%zz+x';
  expect(urlOf('https://a.example/', { query })).toBe(`https://a.example/?${query}`);
  expect(urlOf('https://a.example/?own=1', { query })).toBe('https://a.example/?own=1');
});

test.each([
  ['', 'MISSING_URL'],
  ['not a url', 'INVALID_URL'],
])('a destination with the URL %j is refused as %s', (url, errorCode) => {
  expect(buildRequest(deliveryOf({ destination: { url } }))).toMatchObject({
    kind: 'refused',
    errorCode,
  });
});
