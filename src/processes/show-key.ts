import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { askKeyStanding } from '../db/key-standing.ts';
import { StartupError } from '../embedded/errors.ts';
import { readGatewayRecord } from '../embedded/gateway-record.ts';
import { runningPostgresUrl } from '../embedded/running-postgres.ts';
import { whyKeyFails } from './kept-key.ts';

/** Prints the API key: the one the environment sets, or the one the first start made, if it still works. */
export async function showKey(config: Config): Promise<void> {
  console.log(config.apiKey ?? (await workingKey(config)));
}

/** The kept key. Throws where the database says that it does not work; while no database runs, nobody can tell. */
async function workingKey({ dataDir, databaseUrl }: Config): Promise<string> {
  const key = await keptKey(dataDir);
  const url = databaseUrl ?? (await runningPostgresUrl(dataDir));
  const standing = url === null ? null : await askKeyStanding(url, key);
  if (standing === null || standing === 'valid') return key;
  const gateway = await readGatewayRecord(dataDir);
  // A start with API_KEY makes the kept key invalid.
  if (gateway?.keyIsGiven) throw new StartupError(await reasonWhyNone(dataDir));
  const reason = whyKeyFails(standing);
  // The database of a gateway that has yet to start does not know its key.
  if (reason === null) return key;
  throw new StartupError(
    `The API key that the first start put into ${dataDir} ${reason}, so it no longer works. Use the key that replaced it. If you do not have one, set API_KEY to a new key (at least 16 characters) and start the gateway again.`,
  );
}

async function keptKey(dataDir: string): Promise<string> {
  try {
    return (await readFile(join(dataDir, 'secrets', 'api-key'), 'utf8')).trim();
  } catch (error) {
    throw new StartupError(await reasonWhyNone(dataDir), { cause: error });
  }
}

async function reasonWhyNone(dataDir: string): Promise<string> {
  const gateway = await readGatewayRecord(dataDir);
  if (!gateway?.keyIsGiven) {
    return `There is no API key in ${dataDir} yet. Start the gateway once, or set DATA_DIR to where it runs.`;
  }
  const which = gateway.runningPid
    ? `The gateway on ${dataDir} (process ${gateway.runningPid})`
    : `The last gateway on ${dataDir}`;
  return `${which} was started with API_KEY set, and Sluice keeps no copy of that key. Look it up where API_KEY is set: in the shell, the .env file or the service that starts the gateway.`;
}
