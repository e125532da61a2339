import { expect, test } from 'vitest';
import { createAddressGuard } from '../../src/egress/address-guard.ts';
import { createSender } from '../../src/egress/send.ts';
import { httpReceiver, loopbackSender, requestTo, tcpReceiver } from './receivers.ts';

async function recordingReceiver() {
  const received: Buffer[] = [];
  const { url, port } = await tcpReceiver((socket, whole) => {
    received.push(whole);
    socket.write('HTTP/1.1 200 OK\r\nX-First: 1\r\nx-FIRST: 2\r\ncontent-length: 0\r\n\r\n');
  });
  const headLines = () => {
    const whole = received.at(-1)?.toString('latin1') ?? '';
    return whole.slice(0, whole.indexOf('\r\n\r\n')).split('\r\n');
  };
  const body = () => {
    const whole = received.at(-1) ?? Buffer.alloc(0);
    return whole.subarray(whole.indexOf('\r\n\r\n') + 4);
  };
  return { url, port, headLines, body };
}

test('headers arrive in their order and case, repeated ones too, hop-by-hop ones never', async () => {
  const { url, port, headLines } = await recordingReceiver();
  await loopbackSender().send(
    requestTo(`${url}a%20b/?x=1&y=%2F`, {
      method: 'PUT',
      headers: [
        ['X-Zulu', 'z'],
        ['content-TYPE', 'application/json'],
        ['X-Same', 'one'],
        ['x-alpha', 'caf\xe9'],
        ['X-Same', 'two'],
        ['Host', 'elsewhere'],
        ['Connection', 'close, x-alpha'],
        ['Content-Length', '3'],
        ['Transfer-Encoding', 'chunked'],
        ['TE', 'trailers'],
        ['Expect', '100-continue'],
        ['Upgrade', 'h2c'],
        ['Keep-Alive', 'timeout=1'],
        ['Proxy-Authorization', 'secret'],
        ['X-Empty', ''],
      ],
    }),
  );
  expect(headLines()).toEqual([
    'PUT /a%20b/?x=1&y=%2F HTTP/1.1',
    `host: localhost:${port}`,
    'connection: keep-alive',
    'X-Zulu: z',
    'content-TYPE: application/json',
    'X-Same: one',
    'x-alpha: caf\xe9',
    'X-Same: two',
    'X-Empty: ',
    'content-length: 7',
  ]);
});

test.each([
  ['NUL bytes and invalid UTF-8', Buffer.from([0, 0xff, 0xfe, 0xc3, 0x28, 0, 0x0d, 0x0a])],
  ['JSON with odd spacing', Buffer.from('{ "b":1e2,\n"a" : "\\ud800" }\n')],
  ['nothing', Buffer.alloc(0)],
  ['a megabyte', Buffer.alloc(1_000_000, 7)],
])('a body of %s arrives byte for byte', async (_what, body) => {
  const receiver = await recordingReceiver();
  const outcome = await loopbackSender().send(requestTo(receiver.url, { body }));
  expect(outcome).toMatchObject({ kind: 'delivered' });
  expect(receiver.body().equals(body)).toBe(true);
});

test.each(['GET', 'DELETE', 'PATCH', 'QUERY', 'PURGE'])(
  'the method %s takes its body along',
  async (method) => {
    const receiver = await recordingReceiver();
    const outcome = await loopbackSender().send(requestTo(receiver.url, { method }));
    expect(outcome).toMatchObject({ kind: 'delivered' });
    expect(receiver.headLines()[0]).toBe(`${method} / HTTP/1.1`);
    expect(receiver.body().toString()).toBe('{"a":1}');
  },
);

test("the answer's headers are kept in order and case", async () => {
  const { url } = await recordingReceiver();
  const outcome = await loopbackSender().send(requestTo(url));
  expect(outcome).toHaveProperty('responseHeaders', [
    ['X-First', '1'],
    ['x-FIRST', '2'],
    ['content-length', '0'],
  ]);
});

test.each([
  [[['x-a', 'b\r\nx-injected: 1']]],
  [[['x-a', 'b\nc']]],
  [[['x-a', 'nul\0']]],
  [[['x a', 'b']]],
  [[['', 'b']]],
  [[['x-a', 'snow \u2603']]],
] as [[string, string][]][])('the header %j is refused, and never sent', async (headers) => {
  let requests = 0;
  const { url } = await httpReceiver((_request, response) => {
    requests++;
    response.end();
  });
  const sender = loopbackSender({ connectionsPerOrigin: 1 });
  for (let i = 0; i < 3; i++) {
    const outcome = await sender.send(requestTo(url, { headers }));
    expect(outcome).toMatchObject({ kind: 'refused', errorCode: 'INVALID_CHARACTER' });
  }
  expect(await sender.send(requestTo(url))).toMatchObject({ kind: 'delivered' });
  expect(requests).toBe(1);
});

test.each(['CONNECT', 'GET /\r\n', '', 'PO ST'])('the method %j is refused', async (method) => {
  const { url } = await httpReceiver((_request, response) => response.end());
  const outcome = await loopbackSender().send(requestTo(url, { method }));
  expect(outcome).toMatchObject({ kind: 'refused', errorCode: 'INVALID_CHARACTER' });
});

test('connections are kept, and never shared between projects', async () => {
  const { url, connections } = await httpReceiver((_request, response) => response.end());
  const sender = loopbackSender({ connectionsPerOrigin: 1 });
  for (let i = 0; i < 5; i++) await sender.send(requestTo(url, { poolKey: 'tm_1' }));
  expect(connections()).toBe(1);
  await sender.send(requestTo(url, { poolKey: 'tm_2' }));
  expect(connections()).toBe(2);
});

test('the number of origins that keep connections is bounded', async () => {
  const one = await httpReceiver((_request, response) => response.end());
  const other = await httpReceiver((_request, response) => response.end());
  const sender = loopbackSender({ maxPools: 1, connectionsPerOrigin: 1 });
  for (const { url } of [one, other, one, other]) {
    expect(await sender.send(requestTo(url))).toMatchObject({ kind: 'delivered' });
  }
  expect([one.connections(), other.connections()]).toEqual([2, 2]);
});

test('a hundred at once over ten connections all arrive', async () => {
  const { url, connections } = await httpReceiver((_request, response) => response.end());
  const sender = loopbackSender({ connectionsPerOrigin: 10 });
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, () => sender.send(requestTo(url))),
  );
  expect(outcomes.every(({ kind }) => kind === 'delivered')).toBe(true);
  expect(connections()).toBeLessThanOrEqual(10);
});

test('a name goes to the address that was checked, under its own name', async () => {
  const { port, headLines } = await recordingReceiver();
  let questions = 0;
  // A second answer would be the metadata service: what is asked twice can be moved in between.
  const resolve = () => Promise.resolve(questions++ === 0 ? ['127.0.0.1'] : ['169.254.169.254']);
  const sender = loopbackSender({
    guard: createAddressGuard({ allowCidrs: ['127.0.0.0/8'], resolve }),
  });
  const outcome = await sender.send(requestTo(`http://hook.example:${port}/`));
  expect(outcome).toMatchObject({ kind: 'delivered' });
  expect(headLines()).toContain(`host: hook.example:${port}`);
  expect(questions).toBe(1);
});

test('a name that leads to private addresses alone is refused, in words that do not tell which', async () => {
  let requests = 0;
  const { port } = await httpReceiver((_request, response) => {
    requests++;
    response.end();
  });
  const guard = createAddressGuard({ resolve: () => Promise.resolve(['10.0.0.1', '127.0.0.1']) });
  const sender = createSender({ guard });
  const outcome = await sender.send(requestTo(`http://hook.example:${port}/`));
  await sender.close();
  expect(outcome).toMatchObject({ kind: 'refused', errorCode: 'DESTINATION_NOT_ALLOWED' });
  expect(outcome).toMatchObject({ message: expect.stringContaining('EGRESS_ALLOW_CIDRS') });
  expect(JSON.stringify(outcome)).not.toMatch(/127|10\.0|private|loopback/);
  expect(requests).toBe(0);
});

test.each([
  'http://127.0.0.1:PORT/',
  'http://2130706433:PORT/',
  'http://0x7f.1:PORT/',
  'http://0:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  'http://localhost:PORT/',
])('%s reaches nothing without leave, and with it where it is loopback', async (pattern) => {
  let requests = 0;
  const { port } = await httpReceiver((_request, response) => {
    requests++;
    response.end();
  });
  const url = pattern.replace('PORT', String(port));
  const strict = createSender({ guard: createAddressGuard() });
  expect(await strict.send(requestTo(url))).toMatchObject({ kind: 'refused' });
  await strict.close();
  expect(requests).toBe(0);
  const isLoopback = !pattern.includes('//0:');
  const outcome = await loopbackSender().send(requestTo(url));
  expect(outcome.kind).toBe(isLoopback ? 'delivered' : 'refused');
});

test('of a name with a public and a private address the public one is tried, the private one never', async () => {
  let requests = 0;
  const { port } = await httpReceiver((_request, response) => {
    requests++;
    response.end();
  });
  for (const addresses of [
    ['127.0.0.1', '127.0.0.2'],
    ['127.0.0.2', '127.0.0.1'],
  ]) {
    const guard = createAddressGuard({
      allowCidrs: ['127.0.0.2/32'],
      resolve: () => Promise.resolve(addresses),
    });
    const sender = loopbackSender({ guard });
    const outcome = await sender.send(requestTo(`http://hook.example:${port}/`));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'CONNECTION_REFUSED' });
  }
  expect(requests).toBe(0);
  const open = createAddressGuard({
    allowCidrs: ['127.0.0.1/32', '127.0.0.2/32'],
    resolve: () => Promise.resolve(['10.0.0.1', '127.0.0.2', '::1', '127.0.0.1']),
  });
  const outcome = await loopbackSender({ guard: open }).send(
    requestTo(`http://hook.example:${port}/`),
  );
  expect(outcome).toMatchObject({ kind: 'delivered' });
  expect(requests).toBe(1);
});

test.each([`/it's/"x"/a\\b|c^d\`e{f}?a='b'&c="d"&&e=?f`, '/a/../b//./%2e%2e/c?x=/../y'])(
  '%j stands on the wire as it was given',
  async (target) => {
    const { url, headLines } = await recordingReceiver();
    const outcome = await loopbackSender().send(requestTo(url.slice(0, -1) + target));
    expect(outcome).toMatchObject({ kind: 'delivered' });
    expect(headLines()[0]).toBe(`POST ${target} HTTP/1.1`);
  },
);

test('no target splits a request', async () => {
  const { url, headLines } = await recordingReceiver();
  await loopbackSender().send(requestTo(`${url}a?b=1 HTTP/1.1\r\nx-injected: 1\r\n\0`));
  expect(headLines()[0]).toMatch(/^POST \/a\?b=1\S* HTTP\/1.1$/);
  expect(headLines().join()).not.toContain('x-injected: 1');
});
