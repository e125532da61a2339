import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { listenersOf } from '../../src/embedded/listening.ts';

async function listening(host: string): Promise<number> {
  const server = createServer();
  onTestFinished(() => void server.close());
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.3', '127.0.0.3'],
  ['0.0.0.0', '0.0.0.0'],
  ['::1', '0:0:0:0:0:0:0:1'],
  ['::', '0:0:0:0:0:0:0:0'],
])('a port that a process has opened at %s is found', async (host, address) => {
  const port = await listening(host);
  expect(await listenersOf([process.pid])).toContainEqual({ address, port });
});

test('a port of another process is not', async () => {
  const port = await listening('127.0.0.1');
  const others = await listenersOf([process.ppid]);
  expect(others.some((one) => one.port === port)).toBe(false);
  expect(await listenersOf([2 ** 30])).toEqual([]);
  expect(await listenersOf([])).toEqual([]);
});
