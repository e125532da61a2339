import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { spawnReceiver } from './frozen.ts';
import { until } from '../support/until.ts';
import { loopbackSender, requestTo, tcpReceiver } from './receivers.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Answers the first request of each connection, and does to the later ones what the test says. */
async function fickleReceiver(later: (socket: Socket, nth: number) => void) {
  const requests: { connection: number; nth: number }[] = [];
  const connections = new Map<Socket, number>();
  const { url } = await tcpReceiver((socket) => {
    const nth = (connections.get(socket) ?? 0) + 1;
    connections.set(socket, nth);
    const connection = [...connections.keys()].indexOf(socket) + 1;
    requests.push({ connection, nth });
    if (nth === 1) socket.write(OK);
    else later(socket, requests.length);
  });
  return { url, requests };
}

describe('a kept connection that breaks before a byte of an answer', () => {
  test.each([
    ['is reset', (socket: Socket) => void socket.resetAndDestroy()],
    ['is closed', (socket: Socket) => void socket.end()],
  ])(
    'that %s: the request is sent again at once on a new one, and it is said',
    async (_how, end) => {
      const { url, requests } = await fickleReceiver(end);
      const sender = loopbackSender({ connectionsPerOrigin: 1 });
      expect(await sender.send(requestTo(url))).toMatchObject({ kind: 'delivered', message: null });
      const outcome = await sender.send(requestTo(url));
      expect(outcome).toMatchObject({ kind: 'delivered', responseStatus: 200, errorCode: null });
      expect(outcome).toHaveProperty('message', expect.stringContaining('new connection'));
      expect(requests).toEqual([
        { connection: 1, nth: 1 },
        { connection: 1, nth: 2 },
        { connection: 2, nth: 1 },
      ]);
    },
  );

  test('that was opened for another request, which was given up meanwhile, counts as kept', async () => {
    let requests = 0;
    const { url } = await tcpReceiver((socket) => {
      if (++requests === 1) socket.resetAndDestroy();
      else socket.write(OK);
    });
    const named = url.replace('localhost', 'slow.test');
    const known = Promise.withResolvers<string[]>();
    const guardOptions = { resolve: () => known.promise };
    const sender = loopbackSender({ connectionsPerOrigin: 1, guardOptions });
    const late = await sender.send(requestTo(named, { timeoutMs: 100 }));
    expect(late).toMatchObject({ errorCode: 'TIMEOUT', deliveredAtMs: null });
    known.resolve(['127.0.0.1']);
    const fromMs = performance.now();
    await until('it was kept for a while', () => performance.now() > fromMs + 700);
    const outcome = await sender.send(requestTo(named));
    expect(outcome).toMatchObject({ kind: 'delivered', responseStatus: 200 });
    expect(outcome).toHaveProperty('message', expect.stringContaining('new connection'));
  });

  test('is not sent a third time, and the failure says what was tried', async () => {
    const connections = new Set<Socket>();
    let requests = 0;
    const { url } = await tcpReceiver((socket) => {
      requests++;
      connections.add(socket);
      if (requests === 1) socket.write(OK);
      else socket.resetAndDestroy();
    });
    const sender = loopbackSender({ connectionsPerOrigin: 1 });
    await sender.send(requestTo(url));
    const outcome = await sender.send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'failed', errorCode: 'CONNECTION_RESET' });
    expect(outcome).toHaveProperty('message', expect.stringContaining('new connection'));
    expect([requests, connections.size]).toEqual([3, 2]);
  });

  test('other kept connections that broke with it are passed over', async () => {
    const kept = new Set<Socket>();
    let isDown = false;
    let waiting: Socket[] = [];
    const { url } = await tcpReceiver((socket) => {
      if (isDown && kept.has(socket)) return void socket.resetAndDestroy();
      kept.add(socket);
      waiting.push(socket);
      // Held until each has a connection of its own.
      if (isDown || waiting.length === 5) {
        for (const one of waiting) one.write(OK);
        waiting = [];
      }
    });
    const sender = loopbackSender({ connectionsPerOrigin: 5 });
    const send = () => Promise.all(Array.from({ length: 5 }, () => sender.send(requestTo(url))));
    await send();
    isDown = true;
    const outcomes = await send();
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(5).fill('delivered'));
  });

  test('what is left of the time holds for both', async () => {
    const { url } = await fickleReceiver((socket) => {
      setTimeout(() => socket.resetAndDestroy(), 200);
    });
    const sender = loopbackSender({ connectionsPerOrigin: 1 });
    await sender.send(requestTo(url));
    const hanging = await sender.send(requestTo(url, { timeoutMs: 100 }));
    expect(hanging).toMatchObject({ kind: 'failed', errorCode: 'TIMEOUT' });
  });
});

const GOODBYE = 'HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

describe('a receiver that says 408 because a kept connection was unused', () => {
  test('has not answered the request that its words crossed: it is sent again, and it is said', async () => {
    const { url, requests } = await fickleReceiver((socket) => socket.end(GOODBYE));
    const sender = loopbackSender({ connectionsPerOrigin: 1 });
    await sender.send(requestTo(url));
    const outcome = await sender.send(requestTo(url));
    expect(outcome).toMatchObject({ kind: 'delivered', responseStatus: 200, errorCode: null });
    expect(outcome).toHaveProperty('message', expect.stringContaining('408'));
    expect(requests).toEqual([
      { connection: 1, nth: 1 },
      { connection: 1, nth: 2 },
      { connection: 2, nth: 1 },
    ]);
    // The connection is gone; what comes next goes out on another one.
    expect(await sender.send(requestTo(url))).toMatchObject({ kind: 'delivered' });
  });

  test.each([
    ['without closing', 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n'],
    ['by another status', GOODBYE.replace('408', '409')],
  ])('%s: that is an answer', async (_how, answer) => {
    const { url, requests } = await fickleReceiver((socket) => void socket.write(answer));
    const sender = loopbackSender({ connectionsPerOrigin: 1 });
    await sender.send(requestTo(url));
    expect(await sender.send(requestTo(url))).toMatchObject({ kind: 'failed', message: null });
    expect(requests).toHaveLength(2);
  });

  test('long after the request was sent: that is an answer', async () => {
    const { url } = await fickleReceiver((socket) => {
      setTimeout(() => socket.end(GOODBYE), 1_200);
    });
    const sender = loopbackSender({ connectionsPerOrigin: 1 });
    await sender.send(requestTo(url));
    expect(await sender.send(requestTo(url))).toMatchObject({
      kind: 'failed',
      responseStatus: 408,
    });
  });

  test('on a new connection: that is an answer', async () => {
    let requests = 0;
    const { url } = await tcpReceiver((socket) => {
      requests++;
      socket.end(GOODBYE);
    });
    const sender = loopbackSender();
    expect(await sender.send(requestTo(url))).toMatchObject({
      kind: 'failed',
      responseStatus: 408,
    });
    expect(requests).toBe(1);
  });
});

test.each([
  ['of its status line', 'HTTP/1.1 2'],
  ['of an interim answer', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['of the beginning of an interim answer', 'HTTP/1.1 10'],
])('a kept connection that breaks after a byte %s is a failure', async (_what, answer) => {
  const { url, requests } = await fickleReceiver((socket) => socket.end(answer));
  const sender = loopbackSender({ connectionsPerOrigin: 1 });
  await sender.send(requestTo(url));
  expect(await sender.send(requestTo(url))).toMatchObject({ kind: 'failed' });
  expect(requests).toHaveLength(2);
});

test.each([
  ['is reset', (socket: Socket) => void socket.resetAndDestroy(), 'CONNECTION_RESET'],
  ['is closed', (socket: Socket) => void socket.end(), 'SOCKET_CLOSED'],
])('a fresh connection that %s before an answer is a failure at once', async (_how, end, code) => {
  let requests = 0;
  const { url } = await tcpReceiver((socket) => {
    requests++;
    end(socket);
  });
  const outcome = await loopbackSender().send(requestTo(url));
  expect(outcome).toMatchObject({ kind: 'failed', errorCode: code });
  expect(requests).toBe(1);
});

test('closing waits for a request that is sent again', async () => {
  let answer: (() => void) | null = null;
  let connections = 0;
  const seen = new Set<Socket>();
  const { url } = await tcpReceiver((socket) => {
    const isNew = !seen.has(socket);
    seen.add(socket);
    if (!isNew) return void socket.resetAndDestroy();
    connections++;
    if (connections === 1) socket.write(OK);
    else answer = () => void socket.write(OK);
  });
  const sender = loopbackSender({ connectionsPerOrigin: 1, closeWithinMs: 5_000 });
  await sender.send(requestTo(url));
  const again = sender.send(requestTo(url));
  await until('the second connection has the request', () => answer !== null);
  const closed = sender.close();
  answer!();
  expect(await again).toMatchObject({ kind: 'delivered' });
  await closed;
});

describe('after the process stood still, what lies in a socket counts before a deadline that passed', () => {
  test('an answer that came meanwhile', async () => {
    const { url } = await tcpReceiver((socket) => socket.write(OK));

    const receiver = await spawnReceiver({ answerAfterMs: 100 });
    const sender = loopbackSender();
    await sender.send(requestTo(url));
    const sent = sender.send(requestTo(receiver.url, { timeoutMs: 600 }));
    await receiver.received();
    standStill(1_500);
    expect(await sent).toMatchObject({ kind: 'delivered', responseStatus: 200 });
  });

  test('a request that could not leave has its time afterwards', async () => {
    const receiver = await spawnReceiver({ answerAfterMs: 0 });
    const sent = loopbackSender().send(requestTo(receiver.url, { timeoutMs: 600 }));
    standStill(2_500);
    expect(await sent).toMatchObject({ kind: 'delivered', responseStatus: 200 });
  });

  test('without an answer it is too late all the same', async () => {
    const receiver = await spawnReceiver({ answerAfterMs: 60_000 });
    const sent = loopbackSender().send(requestTo(receiver.url, { timeoutMs: 600 }));
    await receiver.received();
    standStill(1_500);
    expect(await sent).toMatchObject({ kind: 'failed', errorCode: 'TIMEOUT' });
  });
});

/** Does nothing at all, as a process does that was stopped or had no processor. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
