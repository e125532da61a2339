import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import sql from 'sql-template-tag';
import { tryDispatcherLock } from './outbox.ts';
import type { Db } from './pool.ts';

const RECONNECT_MS = 1_000;
const CHANNEL = 'sluice_outbox';

/** A session that shows others that this dispatcher lives, and hears when another process put work into the outbox. */
export type DispatcherSession = { id: number; close(): Promise<void> };

type Options = { onWork: () => void; onError: (error: unknown) => void };

/** Opens the session, and opens it again whenever it breaks: one attempt at a time, one a second. */
export async function openDispatcherSession(
  url: string,
  { onWork, onError }: Options,
): Promise<DispatcherSession> {
  const id = randomInt(1, 2 ** 31 - 1);
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let current: pg.Client | undefined;

  async function connect(): Promise<void> {
    const client = new pg.Client({ connectionString: url, keepAlive: true });
    client.on('error', () => {});
    client.on('notification', onWork);
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      await holdLock(client);
    } catch (error) {
      // A session that is not of use must not stay behind: the server has only so many.
      await client.end().catch(() => {});
      throw error;
    }
    client.once('end', () => {
      current = undefined;
      reconnect();
    });
    current = client;
    if (closed) await client.end();
  }
  // After a break the server may not have noticed that the former session is gone: that one still holds the lock.
  async function holdLock(client: pg.Client): Promise<void> {
    for (;;) {
      if (closed || (await tryDispatcherLock(client, id))) return;
      await sleep(RECONNECT_MS);
    }
  }
  function reconnect(): void {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(() => {
      connect().catch((error: unknown) => {
        onError(error);
        reconnect();
      });
    }, RECONNECT_MS);
  }

  await connect();
  return {
    id,
    async close() {
      closed = true;
      clearTimeout(timer);
      await current?.end();
    },
  };
}

/** Tells the dispatchers of all processes that something waits. */
export async function announceWork(db: Db): Promise<void> {
  await db.query(sql`select pg_notify(${CHANNEL}, '')`);
}
