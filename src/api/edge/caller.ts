import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { plainAddress } from './addresses.ts';

/** Who asks, as far as we or a proxy we trust can tell. */
export type Caller = {
  /** The sender's address, behind our own proxies. */
  address: string | null;
  /** The host it asked for: what stands in `Host`, in the request line, or in what a trusted proxy says. */
  host: string | null;
  /** What its URL began with, as a trusted proxy says it: `https://hooks.example.com`; null where none does. */
  origin: string | null;
};

const callers = new WeakMap<IncomingMessage, Caller>();
const sources = new WeakMap<Socket, string>();

/** Who asks; before it was found out, the address that the connection came from. */
export function callerOf(request: IncomingMessage): Caller {
  return callers.get(request) ?? { address: peerOf(request.socket), host: null, origin: null };
}

export function noteCaller(request: IncomingMessage, caller: Caller): void {
  callers.set(request, caller);
}

/** Where a connection came from, behind a proxy that said so in its first bytes. */
export function peerOf(socket: Socket): string | null {
  const known = sources.get(socket);
  if (known !== undefined) return known;
  const address = plainAddress(socket.remoteAddress);
  // It is asked for with every request.
  if (address !== null) sources.set(socket, address);
  return address;
}

export function noteSource(socket: Socket, address: string): void {
  sources.set(socket, address);
}
