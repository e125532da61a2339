import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { refusal } from '../ingest/answer.ts';
import { answerClientError, answerRaw } from '../client-error.ts';
import type { Trust } from './addresses.ts';
import { noteSource, peerOf } from './caller.ts';
import { createSlots } from './connection-slots.ts';
import { readProxyHeader } from './proxy-protocol.ts';

type Options = {
  maxConnections: number;
  trust: Trust;
  /** Whether connections of proxies we trust begin with a header of the PROXY protocol. */
  proxyProtocol: boolean;
};

// For those that are only told that there is no room.
const MORE_CONNECTIONS = 100;
// A connection that is destroyed counts until the system has closed it.
const CLOSING_MS = 20;
const PROXY_HEADER_MS = 10_000;

/** The HTTP server, without anything that answers yet. */
export function createHttpServer({ maxConnections, trust, proxyProtocol }: Options): Server {
  const server = createServer({
    maxHeaderSize: 16_384,
    headersTimeout: 10_000,
    requestTimeout: 60_000,
    // How late these two may be; by default as late as half a minute.
    connectionsCheckingInterval: 5_000,
    keepAliveTimeout: 65_000,
    // What is wrong with a Host we say ourselves, in words.
    requireHostHeader: false,
  });
  // Who says no more than one request, and then that it is done, waits for the answer.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.maxConnections = maxConnections + MORE_CONNECTIONS;
  server.on('clientError', answerClientError);
  server.on('connect', (_req: IncomingMessage, socket: Socket) => {
    answerRaw(socket, refusal('METHOD_NOT_ALLOWED', 'This is no proxy: CONNECT leads nowhere.'));
  });
  const slots = createSlots({ max: maxConnections, trust });
  const [speakHttp] = server.listeners('connection') as [(this: Server, socket: Socket) => void];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    // One that is reset before anybody listens to it would end the process.
    socket.on('error', () => socket.destroy());
    const takes = () => slots.take(socket, peerOf(socket));
    const begin = () => {
      if (takes()) return speakHttp.call(server, socket);
      // What is open for nothing makes room, once it is closed.
      server.closeIdleConnections();
      setTimeout(() => {
        // The place of one that has gone meanwhile would never be free again.
        if (socket.destroyed) return;
        if (takes()) speakHttp.call(server, socket);
        else refuse(socket);
      }, CLOSING_MS);
    };
    if (proxyProtocol && trust(peerOf(socket))) afterProxyHeader(socket, begin);
    else begin();
  });
  return server;
}

function refuse(socket: Socket): void {
  const headers = { 'retry-after': '2' };
  answerRaw(
    socket,
    refusal('SERVICE_UNAVAILABLE', 'Too many connections. Come again.', { headers }),
  );
}

/** A connection of a proxy that does not begin with its header is closed: nobody could tell whose it is. */
function afterProxyHeader(socket: Socket, begin: () => void): void {
  let bytes = Buffer.alloc(0);
  const stop = () => socket.destroy();
  const timer = setTimeout(stop, PROXY_HEADER_MS);
  const done = () => {
    clearTimeout(timer);
    for (const event of ['end', 'error', 'close']) socket.off(event, stop);
    socket.off('readable', read);
  };
  const read = () => {
    for (let chunk = take(socket); chunk !== null; chunk = take(socket)) {
      bytes = Buffer.concat([bytes, chunk]);
    }
    const header = readProxyHeader(bytes);
    if (header.kind === 'more') return;
    done();
    if (header.kind === 'none') return stop();
    if (header.address !== null) noteSource(socket, header.address);
    const rest = bytes.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    begin();
  };
  for (const event of ['end', 'error', 'close']) socket.on(event, stop);
  socket.on('readable', read);
  socket.once('close', () => clearTimeout(timer));
}

function take(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
