import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { StartupError } from '../embedded/errors.ts';

/** Prints the API key: the one the environment sets, or the one the first start made. */
export async function showKey({ apiKey, dataDir }: Config): Promise<void> {
  console.log(apiKey ?? (await keptKey(dataDir)));
}

async function keptKey(dataDir: string): Promise<string> {
  try {
    return (await readFile(join(dataDir, 'secrets', 'api-key'), 'utf8')).trim();
  } catch (error) {
    throw new StartupError(
      `There is no API key in ${dataDir} yet. Start the gateway once, or set DATA_DIR to where it runs.`,
      { cause: error },
    );
  }
}
