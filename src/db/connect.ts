import pg from 'pg';
import { readDatabaseUrl } from './address.ts';
import { prepareSession, type Patience } from './settings.ts';

/** How the driver connects: where the URL says, not for long, and to a peer that is asked whether it is still there. */
export function clientConfig(url: string) {
  return {
    ...readDatabaseUrl(url),
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
  };
}

// A server that cancels a statement says so; one that is silent for that much longer is gone.
const SILENT_MS = 5_000;

/** How long an answer is waited for, where the server gives a statement so long. */
export function answerWithin(statementMs: number): number {
  return statementMs + SILENT_MS;
}

const PING_EVERY_MS = 5_000;
const PING_WITHIN_MS = 15_000;

/** A session of its own, for what lasts: notifications, locks that show that somebody lives. */
export type Session = { client: pg.Client; close(): Promise<void> };

/**
 * Opens a session and asks now and then whether its server is still there: a host that vanished says nothing, and a
 * session that only listens would never notice. `onEnd` hears when it has ended and was not closed.
 */
export async function openSession(
  url: string,
  { begin, onEnd }: { begin: (client: pg.Client) => Promise<void>; onEnd: () => void },
): Promise<Session> {
  const client = new pg.Client(clientConfig(url));
  client.on('error', () => {});
  let closed = false;
  try {
    await client.connect();
    await prepareSession(client, SESSION);
    await begin(client);
  } catch (error) {
    // A session that is not of use must not stay behind: the server has only so many.
    await client.end().catch(() => {});
    throw error;
  }
  const pinging = setInterval(pinger(client), PING_EVERY_MS);
  pinging.unref();
  client.once('end', () => {
    clearInterval(pinging);
    if (!closed) onEnd();
  });
  return {
    client,
    close() {
      closed = true;
      clearInterval(pinging);
      return client.end();
    },
  };
}

const SESSION: Patience = { statementMs: 30_000, lockMs: 10_000, isSteady: false };

/** Asks, one question at a time. The connection of a server that does not answer is given up: its end is heard of. */
function pinger(client: pg.Client): () => void {
  const asked = { text: 'select 1', query_timeout: PING_WITHIN_MS };
  let asking = false;
  return () => {
    if (asking) return;
    asking = true;
    client
      .query(asked)
      .catch(() => client.end())
      .catch(() => {})
      .finally(() => (asking = false));
  };
}
