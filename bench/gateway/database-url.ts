import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { postgresRole } from '../../src/embedded/postgres-cluster.ts';

/** Where the PostgreSQL of a data directory listens, with its password; DATABASE_URL where the gateway uses that. */
export async function findDatabaseUrl(dataDir: string): Promise<string | null> {
  if (process.env['DATABASE_URL']) return process.env['DATABASE_URL'];
  try {
    const pidFile = await readFile(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8');
    const password = await readFile(join(dataDir, 'secrets', 'postgres-password'), 'utf8');
    const port = pidFile.split('\n')[3];
    return `postgres://${postgresRole}:${password.trim()}@127.0.0.1:${port}/sluice`;
  } catch {
    return null;
  }
}
