import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll } from 'vitest';
import { until } from './until.ts';

/** A request as it stood on the wire. */
export type Received = {
  method: string;
  /** Path and query. */
  url: string;
  rawHeaders: [name: string, value: string][];
  headers: Record<string, string>;
  body: Buffer;
  atMs: number;
};

/** How one request is answered. */
export type Reaction =
  | { status: number; headers?: Record<string, string>; body?: string; afterMs?: number }
  | { does: 'hang' | 'reset' | 'drip' }
  /** Is answered with 200 as soon as the promise is resolved. */
  | { until: Promise<unknown> };

/** A server whose every first path segment is a destination with a script of its own. */
export type Receiver = {
  url(name: string): string;
  /** The reactions to the next requests, in order; the last one stands for all that follow. Without a script: 200. */
  script(name: string, reactions: Reaction[]): void;
  received(name: string): Received[];
  /** Waits for the n-th request (from 1). */
  nth(name: string, n: number, options?: { withinMs?: number }): Promise<Received>;
};

const OK: Reaction = { status: 200 };
const DRIP_EVERY_MS = 200;

/** Starts a receiver for all tests of the file. */
export async function startReceiver(): Promise<Receiver> {
  const scripts = new Map<string, Reaction[]>();
  const logs = new Map<string, Received[]>();
  const sockets = new Set<Socket>();
  const logOf = (name: string) => logs.get(name) ?? logs.set(name, []).get(name)!;

  const server = createServer((req, res) => {
    const name = req.url!.split(/[/?]/)[1]!;
    read(req).then(
      (received) => {
        logOf(name).push(received);
        const script = scripts.get(name) ?? [OK];
        react(res, script.length > 1 ? script.shift()! : (script[0] ?? OK));
      },
      () => req.destroy(),
    );
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: (name) => `http://127.0.0.1:${port}/${name}`,
    script: (name, reactions) => void scripts.set(name, [...reactions]),
    received: logOf,
    nth: (name, n, options) => until(`request ${n} at ${name}`, () => logOf(name)[n - 1], options),
  };
}

async function read(req: IncomingMessage): Promise<Received> {
  const atMs = Date.now();
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const rawHeaders: Received['rawHeaders'] = [];
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    rawHeaders.push([req.rawHeaders[i]!, req.rawHeaders[i + 1]!]);
  }
  const headers = Object.fromEntries(rawHeaders.map(([k, v]) => [k.toLowerCase(), v]));
  const { method = '', url = '' } = req;
  return { method, url, rawHeaders, headers, body: Buffer.concat(chunks), atMs };
}

function react(res: ServerResponse, reaction: Reaction): void {
  if ('until' in reaction) {
    void reaction.until.then(() => res.end('late'));
  } else if ('status' in reaction) {
    const { status, headers = {}, body = '', afterMs = 0 } = reaction;
    setTimeout(() => res.writeHead(status, headers).end(body), afterMs);
  } else if (reaction.does === 'reset') {
    res.socket?.resetAndDestroy();
  } else if (reaction.does === 'drip') {
    res.writeHead(200, { 'content-length': 1_000_000 });
    const drip = setInterval(() => res.write('.'), DRIP_EVERY_MS);
    res.once('close', () => clearInterval(drip));
  }
}
