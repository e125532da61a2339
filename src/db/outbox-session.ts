import { randomInt } from 'node:crypto';
import pg from 'pg';
import sql from 'sql-template-tag';
import { holdDispatcherLock } from './outbox.ts';
import type { Db } from './pool.ts';

const RECONNECT_MS = 1_000;
const CHANNEL = 'sluice_outbox';

/** A session that shows others that this dispatcher lives, and hears when another process put work into the outbox. */
export type DispatcherSession = { id: number; close(): Promise<void> };

export async function openDispatcherSession(
  url: string,
  { onWork, onError }: { onWork: () => void; onError: (error: unknown) => void },
): Promise<DispatcherSession> {
  const id = randomInt(1, 2 ** 31 - 1);
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let current: pg.Client | undefined;

  async function connect(): Promise<void> {
    const client = new pg.Client({ connectionString: url, keepAlive: true });
    client.on('error', () => {});
    client.on('notification', onWork);
    client.on('end', () => {
      if (!closed) timer = setTimeout(() => void connect().catch(lost), RECONNECT_MS);
    });
    await client.connect();
    await holdDispatcherLock(client, id);
    await client.query(`listen ${CHANNEL}`);
    current = client;
  }
  function lost(error: unknown): void {
    onError(error);
    if (!closed) timer = setTimeout(() => void connect().catch(lost), RECONNECT_MS);
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
