import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { postgresDatabase, postgresRole } from './postgres-cluster.ts';
import { recordedServer } from './server-process.ts';

// PostgreSQL writes its port into the fourth line of this file.
const PORT_LINE = 3;

/** The URL of a data directory's PostgreSQL while it runs for a gateway; null otherwise. */
export async function runningPostgresUrl(dataDir: string): Promise<string | null> {
  if (recordedServer(resolve(dataDir, 'postgres.json')) === undefined) return null;
  try {
    const pidFile = join(dataDir, 'postgres', 'cluster', 'postmaster.pid');
    const port = (await readFile(pidFile, 'utf8')).split('\n')[PORT_LINE]?.trim();
    const password = (await readFile(join(dataDir, 'secrets', 'postgres-password'), 'utf8')).trim();
    return `postgres://${postgresRole}:${password}@127.0.0.1:${port}/${postgresDatabase}`;
  } catch {
    return null;
  }
}
