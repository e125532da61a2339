import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { loopbackSender, requestTo, tcpReceiver } from './receivers.ts';

const HEAD = 'HTTP/1.1 200 OK\r\n';
const OK = `${HEAD}content-length: 2\r\n\r\nok`;

describe('an answer is judged by its status, whatever becomes of its body', () => {
  test.each([
    ['is shorter than it was said to be', `${HEAD}content-length: 100\r\n\r\nabc`, 'abc'],
    [
      'ends early on a connection that closes',
      `${HEAD}connection: close\r\ncontent-length: 100\r\n\r\nabc`,
      'abc',
    ],
    ['ends within a chunk', `${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nab`, 'ab'],
    [
      'ends within its last chunk',
      `${HEAD}connection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab`,
      'ab',
    ],
    ['has no last chunk', `${HEAD}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n`, 'ab'],
    ['has chunks that are none', `${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n`, ''],
    [
      'has a chunk longer than it says',
      `${HEAD}transfer-encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n`,
      'ab',
    ],
    ['has not begun', `${HEAD}content-length: 100\r\n\r\n`, ''],
  ])('one that %s', async (_how, answer, body) => {
    const { url } = await tcpReceiver((socket) => socket.end(answer));
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'delivered', responseStatus: 200, errorCode: null });
    expect(outcome).toMatchObject({ bodyTruncated: true });
    expect(outcome).toHaveProperty('message', expect.stringContaining('status counts'));
    expect(outcome).toHaveProperty('responseBody', Buffer.from(body));
  });

  test('one that is reset within its body', async () => {
    const { url } = await tcpReceiver((socket) => {
      socket.write(`${HEAD}content-length: 100\r\n\r\nabc`, () =>
        setTimeout(() => socket.resetAndDestroy(), 100),
      );
    });
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'delivered', bodyTruncated: true, errorCode: null });
    expect(outcome).toHaveProperty('responseBody', Buffer.from('abc'));
  });

  test('one whose body comes a byte at a time for ever, at the deadline', async () => {
    const { url } = await tcpReceiver((socket) => drip(socket));
    const outcome = await loopbackSender().send(requestTo(url, { timeoutMs: 300 }));
    expect(outcome).toMatchObject({ kind: 'delivered', responseStatus: 200, bodyTruncated: true });
    expect(outcome).toHaveProperty(
      'responseBody.length',
      expect.toSatisfy((n) => n > 2),
    );
  });

  test('one whose body comes for ever is waited for no longer than its time, however late the deadline', async () => {
    const { url } = await tcpReceiver((socket) => drip(socket));
    const sender = loopbackSender({ bodyTimeoutMs: 200 });
    const outcome = await sender.send(requestTo(url, { timeoutMs: 30_000 }));
    expect(outcome).toMatchObject({ kind: 'delivered', bodyTruncated: true });
    expect(outcome).toHaveProperty(
      'latencyMs',
      expect.toSatisfy((ms) => ms < 10_000),
    );
  });

  test('one that says it is compressed and is not', async () => {
    const { url } = await tcpReceiver((socket) =>
      socket.end(`${HEAD}content-encoding: gzip\r\ncontent-length: 5\r\n\r\nplain`),
    );
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'delivered', bodyTruncated: false, message: null });
  });

  test('one that is compressed and cut off', async () => {
    const half = gzipSync('x'.repeat(1000)).subarray(0, 12);
    const { url } = await tcpReceiver((socket) => {
      socket.write(`${HEAD}content-encoding: gzip\r\ncontent-length: 500\r\n\r\n`);
      socket.end(half);
    });
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'delivered', bodyTruncated: true, responseBody: half });
  });

  test('a failure stays one, by its status and with its headers', async () => {
    const { url } = await tcpReceiver((socket) =>
      socket.end('HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 100\r\n\r\nabc'),
    );
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'failed', responseStatus: 503, errorCode: null });
    expect(outcome).toMatchObject({ retryAfter: { kind: 'at-least', ms: 7000 } });
  });
});

describe('interim answers that nobody asked for are passed over', () => {
  test.each([
    ['100', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['100 with headers', 'HTTP/1.1 100 Continue\r\nserver: x\r\ndate: today\r\n\r\n'],
    ['100 of HTTP/1.0', 'HTTP/1.0 100 Continue\r\n\r\n'],
    ['102', 'HTTP/1.1 102 Processing\r\n\r\n'],
    ['103', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'],
    ['104', 'HTTP/1.1 104 Upload Resumption\r\n\r\n'],
    ['199', 'HTTP/1.1 199 Odd\r\n\r\n'],
    [
      'several',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'.repeat(5) +
        'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n',
    ],
  ])('%s', async (_what, interim) => {
    const { url, port } = await tcpReceiver((socket) => socket.write(interim + OK));
    const sender = loopbackSender({ connectionsPerOrigin: 1 });
    for (let i = 0; i < 3; i++) {
      const outcome = await sender.send(requestTo(url));
      expect(outcome).toMatchObject({ kind: 'delivered', responseStatus: 200, message: null });
      expect(outcome).toHaveProperty('responseBody', Buffer.from('ok'));
      expect(outcome).toHaveProperty('responseHeaders', [['content-length', '2']]);
    }
    expect(port).toBeGreaterThan(0);
  });

  test('a byte at a time, with what follows them', async () => {
    const bytes = Buffer.from(`HTTP/1.1 100 Continue\r\nx: y\r\n\r\n${OK}`);
    const { url } = await tcpReceiver((socket) => {
      socket.setNoDelay(true);
      let at = 0;
      const timer = setInterval(() => {
        if (at < bytes.length) socket.write(bytes.subarray(at, ++at));
        else clearInterval(timer);
      }, 2);
    });
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'delivered', responseBody: Buffer.from('ok') });
  });

  test('a body that looks like one is a body', async () => {
    const text = 'HTTP/1.1 100 Continue\r\n\r\n';
    const { url } = await tcpReceiver((socket) => {
      socket.write(`${HEAD}content-length: ${text.length}\r\n\r\n`, () =>
        setTimeout(() => socket.write(text), 50),
      );
    });
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'delivered', responseBody: Buffer.from(text) });
  });

  test.each(['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 100 Cont'])(
    '%j alone is no answer: it ends at the deadline, and is not sent again when it closes',
    async (interim) => {
      const silent = await tcpReceiver((socket) => socket.write(interim));
      const outcome = await loopbackSender().send(requestTo(silent.url, { timeoutMs: 150 }));
      expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'TIMEOUT' });
      const closing = await tcpReceiver((socket) => socket.end(interim));
      const closed = await loopbackSender().send(requestTo(closing.url));
      expect(closed).toMatchObject({ kind: 'failed', errorCode: 'SOCKET_CLOSED' });
    },
  );

  test('endless ones end at the deadline', async () => {
    const { url } = await tcpReceiver((socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 10);
      socket.on('close', () => clearInterval(timer));
    });
    const outcome = await loopbackSender().send(requestTo(url, { timeoutMs: 300 }));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'TIMEOUT' });
  });

  test('a change of protocol that nobody asked for is none of them', async () => {
    const { url } = await tcpReceiver((socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    );
    const outcome = await loopbackSender().send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'PROTOCOL_ERROR' });
  });
});

function drip(socket: Socket): void {
  socket.write(`${HEAD}content-length: 1000000\r\n\r\n`);
  const timer = setInterval(() => socket.write('x'), 20);
  socket.on('close', () => clearInterval(timer));
}
