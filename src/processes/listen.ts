import type { Server } from 'node:http';
import type { Config } from '../config.ts';
import { StartupError } from '../embedded/errors.ts';
import { createHttpServer } from '../api/edge/server.ts';
import { createTrust, type Trust } from '../api/edge/addresses.ts';
import { urlAt } from './address.ts';

/** The HTTP server once it listens, and what it says of who asks. */
export type Listening = { server: Server; url: string; trust: Trust; stop(): Promise<void> };

const STOP_MS = 5_000;

/** Listens where the configuration says; nothing answers yet. */
export async function listen(config: Config): Promise<Listening> {
  const { trustedProxies = [], proxyProtocol, maxConnections } = config;
  const trust = createTrust(trustedProxies);
  const server = createHttpServer({ maxConnections, trust, proxyProtocol });
  const url = await bind(server, config);
  return { server, url, trust, stop: () => close(server) };
}

function bind(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(listenFault(error, { host, port })),
    );
    server.listen(port, host, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address ? address.port : port;
      resolve(urlAt(host, bound));
    });
  });
}

function listenFault(
  error: NodeJS.ErrnoException,
  { host, port }: { host: string; port: number },
): Error {
  if (error.code === 'EADDRINUSE') {
    return new StartupError(
      `Port ${port} is taken. Stop what uses it, or set PORT to another one.`,
    );
  }
  return new StartupError(
    `Cannot listen on ${host}, port ${port}: ${error.message}. Check HOST and PORT.`,
  );
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), STOP_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
