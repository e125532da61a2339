import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { httpReceiver, loopbackSender, requestTo, tcpReceiver } from './receivers.ts';

const HEAD = 'HTTP/1.1 200 OK\r\n';

describe('a destination that misbehaves ends as a failed attempt with its code, in time', () => {
  test('one that never answers, and its connection is given up', async () => {
    let isClosed = false;
    const { url } = await httpReceiver((request) => {
      request.socket.on('close', () => (isClosed = true));
    });
    const outcome = await loopbackSender().send(requestTo(url, { timeoutMs: 150 }));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'TIMEOUT', responseStatus: null });
    expect(outcome).toMatchObject({ deliveredAtMs: expect.any(Number), respondedAtMs: null });
    expect(outcome).toHaveProperty(
      'latencyMs',
      expect.toSatisfy((ms) => ms >= 145),
    );
    await until('the connection is closed', () => isClosed);
  });

  test('one whose headers come a byte at a time, endlessly', async () => {
    const { url } = await tcpReceiver((socket) => {
      socket.write(HEAD);
      const timer = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const outcome = await loopbackSender().send(requestTo(url, { timeoutMs: 300 }));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'TIMEOUT', responseStatus: null });
  });

  test('one that resets before it answers', async () => {
    const { url } = await tcpReceiver((socket) => socket.resetAndDestroy());
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'CONNECTION_RESET' });
  });

  test.each([
    ['before it answers', ''],
    ['within its headers', `${HEAD}content-le`],
  ])('one that closes early, %s', async (_when, answer) => {
    const { url } = await tcpReceiver((socket) => socket.end(answer));
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'SOCKET_CLOSED' });
  });

  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
    ['a broken header', `${HEAD}content-length: ten\r\n\r\n`],
    ['two lengths', `${HEAD}content-length: 2\r\ncontent-length: 2\r\n\r\nok`],
    [
      'a length and chunks',
      `${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['endless headers', `${HEAD}${'x-filler: 0123456789\r\n'.repeat(10_000)}\r\n`],
  ])('one that answers %s', async (_what, answer) => {
    const { url } = await tcpReceiver((socket) => socket.end(answer));
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'PROTOCOL_ERROR' });
  });

  test('one that is not there', async () => {
    const outcome = await loopbackSender().send(requestTo('http://127.0.0.1:2/'));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'CONNECTION_REFUSED' });
    expect(outcome).toMatchObject({ deliveredAtMs: null });
  });

  test('one whose name does not exist', async () => {
    const outcome = await loopbackSender().send(requestTo('http://nowhere.invalid/'));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'DNS_LOOKUP_FAILED' });
  });
});

test('an answer without end is cut off, its status counts and its beginning is kept', async () => {
  let isClosed = false;
  const { url } = await tcpReceiver((socket) => {
    socket.write(`${HEAD}content-length: 100000000000\r\n\r\n`);
    const chunk = Buffer.alloc(100_000, 'x');
    const push = () => socket.write(chunk, (error) => void (error ? (isClosed = true) : push()));
    push();
  });
  const outcome = await loopbackSender().send(requestTo(url));
  expect(outcome).toMatchObject({ kind: 'delivered', responseStatus: 200, bodyTruncated: true });
  expect(outcome).toHaveProperty('responseBody.length', 16_384);
  await until('the connection is closed', () => isClosed);
});

test('an answer somewhat longer than what is kept leaves the connection usable', async () => {
  const { url, connections } = await httpReceiver((_request, response) =>
    response.end(Buffer.alloc(100_000, 'x')),
  );
  const sender = loopbackSender();
  for (let i = 0; i < 10; i++) {
    const outcome = await sender.send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'delivered', bodyTruncated: true });
  }
  // Two take turns: a connection is free again one turn of the event loop after its answer.
  expect(connections()).toBeLessThanOrEqual(2);
});

test('a compressed answer is kept as it came', async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  const { url } = await httpReceiver((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
  });
  const outcome = await loopbackSender().send(requestTo(url));
  expect(outcome).toHaveProperty('responseBody', bomb.subarray(0, 16_384));
});

test('a redirect is not followed: it failed, and its target is recorded', async () => {
  let requests = 0;
  const { url } = await httpReceiver((_request, response) => {
    requests++;
    response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
  });
  const outcome = await loopbackSender().send(requestTo(url));
  expect(outcome).toMatchObject({ kind: 'failed', responseStatus: 302, errorCode: null });
  expect(outcome).toMatchObject({ location: 'http://169.254.169.254/' });
  expect(requests).toBe(1);
});

test('an answer other than 2xx failed, has no error code, and says when to come again', async () => {
  const { url } = await httpReceiver((_request, response) => {
    response.writeHead(503, { 'Retry-After': '1.5' }).end('busy');
  });
  const outcome = await loopbackSender().send(requestTo(url));
  expect(outcome).toMatchObject({ kind: 'failed', responseStatus: 503, errorCode: null });
  expect(outcome).toMatchObject({ retryAfter: { kind: 'at-least', ms: 1500 } });
  expect(outcome).toMatchObject({ responseBody: Buffer.from('busy') });
});

test('an attempt whose time ran out in the queue is never sent, and harms no other', async () => {
  let requests = 0;
  const { url, connections } = await httpReceiver((_request, response) => {
    requests++;
    setTimeout(() => response.end(), 200);
  });
  const sender = loopbackSender({ connectionsPerOrigin: 1 });
  const first = sender.send(requestTo(url));
  const second = sender.send(requestTo(url, { timeoutMs: 50 }));
  const third = sender.send(requestTo(url));
  expect(await second).toMatchObject({ kind: 'failed', errorCode: 'TIMEOUT', deliveredAtMs: null });
  expect(await first).toMatchObject({ kind: 'delivered' });
  expect(await third).toMatchObject({ kind: 'delivered' });
  expect([requests, connections()]).toEqual([2, 1]);
});

test('closing lets what is under way finish, ends what hangs, and takes nothing new', async () => {
  const hanging = await httpReceiver(() => {});
  let wasAsked = false;
  const slow = await httpReceiver((_request, response) => {
    wasAsked = true;
    setTimeout(() => response.end(), 50);
  });
  const sender = loopbackSender({ closeWithinMs: 400 });
  const stuck = sender.send(requestTo(hanging.url));
  const finishing = sender.send(requestTo(slow.url));
  await until('the slow request is under way', () => wasAsked);
  await sender.close();
  expect(await finishing).toMatchObject({ kind: 'delivered' });
  expect(await stuck).toMatchObject({ kind: 'failed', errorCode: 'NETWORK_REQUEST_CANCELED' });
  expect(await sender.send(requestTo(slow.url))).toMatchObject({ kind: 'refused' });
});
