import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { StartupError } from '../embedded/errors.ts';
import { readGatewayRecord } from '../embedded/gateway-record.ts';

/** Prints the API key: the one the environment sets, or the one the first start made. */
export async function showKey({ apiKey, dataDir }: Config): Promise<void> {
  console.log(apiKey ?? (await keptKey(dataDir)));
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
