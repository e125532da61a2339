import { createServer, type Server } from 'node:http';
import { announceWork } from '../db/outbox-session.ts';
import { StartupError } from '../embedded/errors.ts';
import { createIngest } from '../api/ingest/handler.ts';
import { createRequestStore } from '../api/ingest/store.ts';
import { isIngest } from '../api/ingest/target.ts';
import type { Foundation } from './foundation.ts';

/** Ingest, admin API and dashboard on one port. */
export type ApiProcess = { url: string; stop(): Promise<void> };

const MAX_BODY_BYTES = 10 * 1024 * 1024;
const STOP_MS = 5_000;

/** `wake` tells a dispatcher in this process that something waits; without it all dispatchers are told through PostgreSQL. */
export async function startApiProcess(
  foundation: Foundation,
  { wake }: { wake?: () => void } = {},
): Promise<ApiProcess> {
  const { config, db, log, configuration } = foundation;
  const store = createRequestStore(db, wake ?? announcer(foundation));
  const ingest = createIngest({
    configuration,
    store,
    authenticate: () => Promise.resolve(null),
    maxBodyBytes: MAX_BODY_BYTES,
    log,
  });
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      keepAliveTimeout: 65_000,
    },
    (req, res) => {
      if (isIngest(req.url ?? '')) ingest(req, res);
      else res.writeHead(404).end();
    },
  );
  await listen(server, config);
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  return {
    url: `http://${config.host}:${port}`,
    async stop() {
      await closeServer(server);
      await store.idle();
    },
  };
}

/** At most one announcement under way, and one more behind it: the dispatchers look into the outbox anyway. */
function announcer({ db, log }: Foundation): () => void {
  let running = false;
  let again = false;
  return function announce(): void {
    if (running) {
      again = true;
      return;
    }
    running = true;
    announceWork(db)
      .catch((error: unknown) => log.warn({ error }, 'Dispatchers could not be told of new work'))
      .finally(() => {
        running = false;
        if (again) {
          again = false;
          announce();
        }
      });
  };
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(listenFault(error, { host, port })),
    );
    server.listen(port, host, () => resolve());
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
    `Cannot listen on ${host}:${port}: ${error.message}. Check HOST and PORT.`,
  );
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), STOP_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
