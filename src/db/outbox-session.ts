import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import sql from 'sql-template-tag';
import { openSession, type Session } from './connect.ts';
import { tryDispatcherLock } from './outbox.ts';
import type { Db } from './pool.ts';

const RECONNECT_MS = 1_000;
const WORK = 'sluice_outbox';
const PRESSURE = 'sluice_pressure';

/** A session that shows others that this dispatcher lives, and hears what other processes announce. */
export type DispatcherSession = { id: number; close(): Promise<void> };

type Options = {
  onWork: () => void;
  /** Some API process acknowledges slowly. */
  onPressure?: () => void;
  onError: (error: unknown) => void;
};

/** Opens the session, and opens it again whenever it breaks: one attempt at a time, one a second. */
export async function openDispatcherSession(
  url: string,
  { onWork, onPressure = () => {}, onError }: Options,
): Promise<DispatcherSession> {
  const id = randomInt(1, 2 ** 31 - 1);
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let current: Session | undefined;

  async function connect(): Promise<void> {
    const session = await openSession(url, {
      async begin(client) {
        client.on('notification', ({ channel }) => (channel === WORK ? onWork() : onPressure()));
        await client.query(`listen ${WORK}`);
        await client.query(`listen ${PRESSURE}`);
        await holdLock(client);
      },
      onEnd() {
        current = undefined;
        reconnect();
      },
    });
    current = session;
    if (closed) await session.close();
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
      await current?.close();
    },
  };
}

/** Tells the dispatchers of all processes that something waits. */
export async function announceWork(db: Db): Promise<void> {
  await db.query(sql`select pg_notify(${WORK}, '')`);
}

/** Tells the dispatchers of all processes that requests are acknowledged slowly now: nothing to keep, it is over soon. */
export async function announcePressure(db: Db): Promise<void> {
  await db.query(sql`select pg_notify(${PRESSURE}, '')`);
}
