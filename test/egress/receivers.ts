import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { createAddressGuard, type AddressGuardOptions } from '../../src/egress/address-guard.ts';
import {
  createSender,
  type OutgoingRequest,
  type Sender,
  type SenderOptions,
} from '../../src/egress/send.ts';
import type { Certified } from './certificate.ts';

const toClose: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(toClose.splice(0).map((close) => close()));
});

/** A sender that may reach this machine's loopback, and closes with its test. */
export function loopbackSender(
  options: Partial<SenderOptions> & { guardOptions?: AddressGuardOptions } = {},
): Sender {
  const guard = createAddressGuard({
    allowCidrs: ['127.0.0.0/8', '::1/128'],
    ...options.guardOptions,
  });
  const sender = createSender({ guard, closeWithinMs: 100, ...options });
  toClose.push(() => sender.close());
  return sender;
}

export function requestTo(url: string, more: Partial<OutgoingRequest> = {}): OutgoingRequest {
  const body = Buffer.from('{"a":1}');
  return { url, method: 'POST', headers: [], body, timeoutMs: 10_000, poolKey: 'tm_1', ...more };
}

/** An HTTP receiver on 127.0.0.1; answers as the handler says. */
export async function httpReceiver(
  handler: http.RequestListener,
  certified?: Certified,
): Promise<{ port: number; url: string; connections: () => number }> {
  const server =
    certified === undefined ? http.createServer(handler) : https.createServer(certified, handler);
  let connections = 0;
  server.on('connection', () => connections++);
  const port = await listen(server);
  toClose.push(() => server.closeAllConnections());
  const scheme = certified === undefined ? 'http' : 'https';
  return { port, url: `${scheme}://localhost:${port}/`, connections: () => connections };
}

/** A receiver of bare bytes: says what stood on the wire, and answers whatever the test writes. */
export async function tcpReceiver(
  onRequest: (socket: Socket, received: Buffer) => void,
): Promise<{ port: number; url: string }> {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (!isComplete(received)) return;
      const whole = received;
      received = Buffer.alloc(0);
      onRequest(socket, whole);
    });
  });
  const port = await listen(server);
  toClose.push(() => sockets.forEach((socket) => socket.destroy()));
  return { port, url: `http://localhost:${port}/` };
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  toClose.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Whether head and body of a request are in, going by its content-length. */
function isComplete(received: Buffer): boolean {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd === -1) return false;
  const head = received.subarray(0, headEnd).toString('latin1');
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
  return received.length >= headEnd + 4 + length;
}
