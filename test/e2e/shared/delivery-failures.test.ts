import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, expect, test } from 'vitest';
import { requestIdOf, type Json } from '../../support/admin.ts';
import { lastingPort } from '../../support/ports.ts';
import { startReceiver, type Reaction, type Receiver } from '../../support/receiver.ts';
import { sharedGateway } from '../../support/shared-gateway.ts';

const DEADLINE_S = 3;
// Far from the minute that a destination without a deadline of its own has.
const LATEST_MS = 30_000;
const receiver = await startReceiver();
const elsewhere = await startReceiver();
const gateway = sharedGateway();
const { admin } = gateway;

const settled = ({ status }: Json) => ['SUCCESSFUL', 'FAILED'].includes(status as string);

/** One event to a destination; returns its only attempt, which fails unless it is said otherwise. */
async function attempt(name: string, url: string, status = 'FAILED'): Promise<Json> {
  await admin.define({ name, url, destination: { delivery_timeout: DEADLINE_S } });
  const requestId = requestIdOf(await admin.post(name));
  const event = await admin.eventWhere(requestId, { what: 'is settled', wanted: settled });
  expect(event).toMatchObject({ status, attempts: 1 });
  const [only] = await admin.attemptsOf(event['id'] as string);
  return only!;
}

/** A server that treats every connection in one way. */
async function bareServer(treat: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => treat(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const behaviours: [string, Reaction, object][] = [
  ['hangs', { does: 'hang' }, { error_code: 'TIMEOUT', response_status: null }],
  ['resets', { does: 'reset' }, { error_code: 'CONNECTION_RESET', response_status: null }],
  ['refuses', { status: 418 }, { error_code: null, response_status: 418 }],
  [
    'redirects',
    { status: 302, headers: { location: 'http://127.0.0.1:1/elsewhere' } },
    { error_code: null, response_status: 302 },
  ],
];

test.each(behaviours)(
  'a destination that %s ends as a failed attempt with its code, within its deadline',
  async (name, reaction, outcome) => {
    receiver.script(name, [reaction]);
    const found = await attempt(name, receiver.url(name));
    expect(found).toMatchObject({ status: 'FAILED', ...outcome });
    expect(found['response_latency']).toBeLessThan(LATEST_MS);
    expect(receiver.received(name)).toHaveLength(1);
  },
);

test('where a redirect led to is on record, and was not followed', async () => {
  const [event] = await admin.models('/events?status=FAILED&response_status=302');
  const [found] = await admin.attemptsOf(event!['id'] as string);
  expect(found!['response_headers']).toMatchObject({ location: 'http://127.0.0.1:1/elsewhere' });
  expect(found!['message']).toContain('redirects to http://127.0.0.1:1/elsewhere.');
});

test('nobody listening, no such name, no HTTP, an early end: each has its code', async () => {
  const early = await bareServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'));
  const garbage = await bareServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
  const codes = await Promise.all([
    attempt('unheard', `http://127.0.0.1:${await lastingPort()}/`),
    attempt('noname', 'http://does-not-exist.invalid/'),
    attempt('garbage', garbage),
    attempt('early', early),
  ]);
  expect(codes.map((one) => one['error_code'])).toEqual([
    'CONNECTION_REFUSED',
    'DNS_LOOKUP_FAILED',
    'PROTOCOL_ERROR',
    'SOCKET_CLOSED',
  ]);
});

test('a status counts, whatever becomes of the body: one that drips, one that is cut off', async () => {
  receiver.script('drips', [{ does: 'drip' }]);
  const short = await bareServer((socket) =>
    socket.end('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'),
  );
  const found = await Promise.all([
    attempt('drips', receiver.url('drips'), 'SUCCESSFUL'),
    attempt('short', short, 'SUCCESSFUL'),
  ]);
  for (const one of found) {
    expect(one).toMatchObject({ status: 'SUCCESSFUL', response_status: 200, error_code: null });
    expect(one).toMatchObject({ body_truncated: true });
    expect(one['message']).toContain('its status counts');
  }
  expect(found[1]).toMatchObject({ body: 'abc' });
});

test('of an answer of 100 MB the first 16 kB are kept, and the status counts', async () => {
  const url = await bareServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n');
    const more = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 'x')));
    };
    socket.on('drain', more);
    more();
  });
  await admin.define({ name: 'huge', url });
  const requestId = requestIdOf(await admin.post('huge'));
  const event = await admin.eventWhere(requestId, { what: 'is settled', wanted: settled });
  const [found] = await admin.attemptsOf(event['id'] as string);
  expect(found).toMatchObject({ response_status: 200, body_truncated: true });
  expect((found!['body'] as string).length).toBe(16_384);
});

test('a private address is refused with one sentence, which names the setting that opens networks', async () => {
  for (const url of ['http://169.254.169.254/latest/meta-data', 'http://10.1.2.3/']) {
    const answer = await admin.call('PUT', '/destinations', {
      name: 'metadata',
      type: 'HTTP',
      config: { url },
    });
    expect(answer.status).toBe(422);
    expect(answer.body['message']).toMatch(/^body\.config\.url is refused: .*EGRESS_ALLOW_CIDRS/);
  }
});

/** 200 events that hang at one destination, and 100 for another one meanwhile. */
async function settledMeanwhile(name: string, healthy: Receiver): Promise<Json[]> {
  receiver.script(`${name}-stuck`, [{ does: 'hang' }]);
  const destination = { delivery_timeout: 240 };
  await admin.define({ name: `${name}-stuck`, url: receiver.url(`${name}-stuck`), destination });
  await admin.define({ name: `${name}-healthy`, url: healthy.url(`${name}-healthy`) });
  const stuck = await Promise.all(Array.from({ length: 200 }, () => admin.post(`${name}-stuck`)));
  await receiver.nth(`${name}-stuck`, 1);
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 10 }, () => admin.post(`${name}-healthy`)));
  }
  await healthy.nth(`${name}-healthy`, 100);
  const events = await Promise.all(stuck.map((answer) => admin.eventsOf(requestIdOf(answer))));
  return events.flat().filter(settled);
}

test('200 events for a destination that hangs slow down nobody else', async () => {
  // None of them has come to its end when all others are delivered, so nobody waited for them.
  expect(await settledMeanwhile('apart', elsewhere)).toEqual([]);
});

test('nor a destination on the same host', async () => {
  expect(await settledMeanwhile('together', receiver)).toEqual([]);
});
