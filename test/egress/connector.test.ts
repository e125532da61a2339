import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import {
  AddressDenied,
  createAddressGuard,
  type AddressGuard,
} from '../../src/egress/address-guard.ts';
import { createConnector } from '../../src/egress/connector.ts';
import { httpReceiver } from './receivers.ts';

/** Connects as undici would, and says how it ended. */
function connect(guard: AddressGuard, { hostname, port }: { hostname: string; port: number }) {
  const connector = createConnector({ guard, port, connectTimeoutMs: 5000, extraCertificates: [] });
  return new Promise<Error | Socket>((resolve) => {
    const target = { hostname, host: hostname, protocol: 'http:', port: String(port) };
    connector(target, (error, socket) => resolve(error ?? socket));
  });
}

const loopbackOnly = createAddressGuard({ allowCidrs: ['127.0.0.0/8'] });

test('an address that is allowed is connected to', async () => {
  const { port } = await httpReceiver(() => {});
  const socket = (await connect(loopbackOnly, { hostname: '127.0.0.1', port })) as Socket;
  expect(socket.remoteAddress).toBe('127.0.0.1');
  socket.destroy();
});

test('a literal address that is denied is not connected to', async () => {
  const { port, connections } = await httpReceiver(() => {});
  const ended = await connect(createAddressGuard(), { hostname: '127.0.0.1', port });
  expect(ended).toBeInstanceOf(AddressDenied);
  expect(connections()).toBe(0);
});

test('a connection that came to a denied address all the same is dropped', async () => {
  const { port } = await httpReceiver(() => {});
  const guard = { ...createAddressGuard(), resolve: () => Promise.resolve(['127.0.0.1']) };
  expect(await connect(guard, { hostname: 'hook.example', port })).toBeInstanceOf(AddressDenied);
});

test('where one address of a name does not answer, the next one does', async () => {
  const { port } = await httpReceiver(() => {});
  const addresses = ['127.0.0.2', '127.0.0.1'];
  const guard = { ...loopbackOnly, resolve: () => Promise.resolve(addresses) };
  const socket = (await connect(guard, { hostname: 'hook.example', port })) as Socket;
  expect(socket.remoteAddress).toBe('127.0.0.1');
  socket.destroy();
});
