import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answersIn } from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';
import { startIngest, type Ingest } from '../ingest/ingest.ts';

let ingest: Ingest;
let source: string;
beforeAll(async () => {
  ingest = await startIngest({ maxConnections: 20 });
  source = await ingest.source('WEBHOOK');
});
afterAll(() => ingest.close());

function open() {
  const socket: Socket = connect(ingest.port, '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  socket.on('error', () => {});
  return {
    say: (text: string) => void socket.write(text),
    heard: () => heard,
    isClosed: () => socket.closed,
    close: () => void socket.destroy(),
  };
}

const request = () => `POST /in/${source} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`;

async function answered(connection: ReturnType<typeof open>): Promise<number> {
  connection.say(request());
  await until('an answer', () => connection.heard() !== '');
  return answersIn(connection.heard())[0]!.status;
}

test('one address may hold half of all connections, the next is told to come again, and room is made of idle ones', async () => {
  // In the middle of a request: none of them is idle.
  const busy = Array.from({ length: 10 }, () => open());
  for (const connection of busy) connection.say(request().slice(0, 20));
  await until('they are there', () => count().then((all) => all === 10));
  const refused = open();
  await until('it is told', () => refused.heard() !== '');
  expect(refused.heard()).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 2\r\n/i);
  await until('it is closed', () => refused.isClosed());

  busy[0]!.close();
  await until('it has gone', () => count().then((all) => all === 9));
  const last = open();
  expect(await answered(last)).toBe(200);
  // That one is idle now, and makes room for another.
  const next = open();
  expect(await answered(next)).toBe(200);
  await until('the idle one has gone', () => last.isClosed());
  for (const connection of [...busy, next]) connection.close();
  await until('all have gone', () => count().then((all) => all === 0));
});

function count(): Promise<number> {
  return new Promise((resolve, reject) => {
    ingest.server.getConnections((error, all) => (error ? reject(error) : resolve(all)));
  });
}

test('who is gone before there was room for it takes none, and troubles nobody', async () => {
  const busy = Array.from({ length: 10 }, () => open());
  for (const connection of busy) connection.say(request().slice(0, 20));
  await until('they are there', () => count().then((all) => all === 10));
  // Each waits for room for a moment, and resets its connection meanwhile.
  await Promise.all(Array.from({ length: 30 }, () => resetAtOnce()));
  await until('they have gone', () => count().then((all) => all === 10));
  for (const connection of busy) connection.close();
  await until('all have gone', () => count().then((all) => all === 0));

  // Where there are idle ones, room is made for those that have gone.
  for (let round = 0; round < 3; round++) {
    const idle = Array.from({ length: 10 }, () => open());
    const statuses = await Promise.all(idle.map((connection) => answered(connection)));
    expect(statuses).toEqual(Array.from({ length: 10 }, () => 200));
    await Promise.all(Array.from({ length: 10 }, () => resetAtOnce()));
    for (const connection of idle) connection.close();
    await until('all have gone again', () => count().then((all) => all === 0));
  }
});

function resetAtOnce(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(ingest.port, '127.0.0.1', () => {
      socket.write(request());
      setImmediate(() => socket.resetAndDestroy());
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}
