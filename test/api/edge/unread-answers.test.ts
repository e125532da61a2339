import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createPipeline } from '../../../src/api/edge/pipeline.ts';
import { createUnreadAnswers } from '../../../src/api/edge/unread-answers.ts';
import { until } from '../../support/until.ts';
import { startGateway } from '../gateway.ts';

const MIB = 1024 * 1024;
// More than the system keeps for both ends of a connection.
const ANSWER = Buffer.alloc(64 * MIB);

/** A server whose answers have as many MiB as the path says. */
async function largeAnswers(options: Parameters<typeof createUnreadAnswers>[0]) {
  const pipeline = createPipeline({
    unread: createUnreadAnswers({ lookEveryMs: 50, ...options }),
  });
  const responses: ServerResponse[] = [];
  const server = createServer((req, res) => {
    pipeline.enter(req, res);
    responses.push(res);
    const bytes = Number(req.url!.slice(1)) * MIB;
    res.writeHead(200, { 'content-length': bytes }).end(ANSWER.subarray(0, bytes));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return {
    responses,
    /** Asks, and reads nothing until it is resumed. */
    async ask(mib: number): Promise<Socket> {
      const before = responses.length;
      const socket = connect(port, '127.0.0.1').pause();
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      socket.write(`GET /${mib} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await until('it is being answered', () => responses.length > before);
      return socket;
    },
  };
}

/** Reads on, to the end. */
function readWhole(socket: Socket, mib: number): Promise<void> {
  let bytes = 0;
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error(`It was closed after ${bytes} bytes.`)));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes >= mib * MIB) resolve();
    });
    socket.resume();
  });
}

test('a client that reads nothing of its answer for too long is closed, and no other', async () => {
  const { ask, responses } = await largeAnswers({ stallMs: 500 });
  await ask(64);
  await until('it is closed', () => responses[0]!.closed);
  expect(responses[0]!.writableFinished).toBe(false);
  await readWhole(await ask(64), 64);
});

test('while unread answers take too much, the one that holds most has to go on reading, or to leave', async () => {
  const { ask, responses } = await largeAnswers({
    stallMs: 600_000,
    shortStallMs: 500,
    mostBytes: 60 * MIB,
  });
  await ask(64);
  const small = await ask(40);
  await until('the larger one is closed', () => responses[0]!.closed);
  expect(responses.map(({ closed }) => closed)).toEqual([true, false]);
  await readWhole(small, 40);
});

test('anybody may ask for the OpenAPI document a thousand times and read nothing, at little memory', async () => {
  const gateway = await startGateway();
  const { port, host } = new URL(gateway.origin);
  const socket = connect(Number(port), '127.0.0.1');
  try {
    const before = usedBytes();
    socket.write(`GET /openapi.json HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(1_000));
    // Reads the beginning, and leaves it at that.
    socket.on('readable', () => undefined);
    await until('the first answer is there', () => socket.bytesRead > 0);
    expect((await gateway.ask('GET', '/sources')).status).toBe(200);
    expect(usedBytes() - before).toBeLessThan(100 * MIB);
  } finally {
    socket.destroy();
    await gateway.close();
  }
});

function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
