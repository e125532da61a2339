import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { poll } from './poll.ts';

const loopback = '127.0.0.1';
const ownWithinMs = 10_000;
// Below these lie the ports of well-known servers.
const lowest = 10_000;
const highest = 65_535;
const tries = 20;

/**
 * The usual port when nobody listens on it, otherwise one that is free. A server keeps it through a restart: it is none
 * that the system would hand out meanwhile. Free now is no promise: callers try again.
 */
export async function freePort(usual: number): Promise<number> {
  if (usual !== 0 && (await isFree(usual))) return usual;
  return (await portLeftAlone()) ?? (await tryPort(0)) ?? usual;
}

async function portLeftAlone(): Promise<number | undefined> {
  const left = portsLeftAlone();
  if (!left) return undefined;
  for (let attempt = 0; attempt < tries; attempt++) {
    const port = left.first + Math.floor(Math.random() * (left.last - left.first + 1));
    if (await isFree(port)) return port;
  }
  return undefined;
}

/**
 * The ports that the system gives neither to connections that leave nor to servers that take any port; null where it
 * is set up to give them all.
 */
export function portsLeftAlone(given = portsGiven()): { first: number; last: number } | null {
  const below = { first: lowest, last: given.first - 1 };
  const above = { first: Math.max(lowest, given.last + 1), last: highest };
  const wider = below.last - below.first >= above.last - above.first ? below : above;
  return wider.last - wider.first >= 1_000 ? wider : null;
}

/** From which range the system takes ports by itself. */
function portsGiven(): { first: number; last: number } {
  try {
    const text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const [first = 0, last = 0] = text.trim().split(/\s+/).map(Number);
    if (first > 0 && last >= first) return { first, last };
  } catch {
    // No Linux: all others begin at 49152, or here.
  }
  return { first: 32_768, last: highest };
}

/** The port of a server that stands in for one that ended, waited for while the rest of that one goes. */
export async function ownPort(port: number): Promise<number> {
  await poll(async () => (await isFree(port)) || undefined, { timeoutMs: ownWithinMs });
  return port;
}

async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) === port;
}

function tryPort(port: number): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const server = createServer();
  server.once('error', () => resolve(undefined));
  server.listen({ port, host: loopback }, () => {
    const address = server.address();
    const found = typeof address === 'object' && address ? address.port : undefined;
    server.close(() => resolve(found));
  });
  return promise;
}

/** Whether anything listens on the port of this machine. */
export function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: loopback, timeout: 1_000 });
  const answer = (listening: boolean) => {
    socket.destroy();
    resolve(listening);
  };
  socket.once('connect', () => answer(true));
  socket.once('timeout', () => answer(false));
  socket.once('error', () => answer(false));
  return promise;
}
