import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import { findDatabaseUrl } from './database-url.ts';
import type { Gateway } from './gateway.ts';

/** Takes a gateway that runs already; its data directory tells its process and its database. */
export async function attachGateway({
  url,
  apiKey,
  dataDir,
}: {
  url: string;
  apiKey: string;
  dataDir: string | null;
}): Promise<Gateway> {
  const answer = await fetch(`${url}/healthz`).catch(() => null);
  if (!answer?.ok) throw new Fault(`No gateway answers at ${url}.`);
  return {
    url,
    apiKey,
    pid: dataDir === null ? null : await readPid(dataDir),
    databaseUrl: dataDir === null ? null : await findDatabaseUrl(dataDir),
    stop: () => Promise.resolve(),
  };
}

async function readPid(dataDir: string): Promise<number> {
  const file = join(dataDir, 'lock');
  try {
    const { pid } = JSON.parse(await readFile(file, 'utf8')) as { pid: number };
    return pid;
  } catch (cause) {
    throw new Fault(`No gateway runs on ${dataDir}: its lock cannot be read.`, { cause });
  }
}
