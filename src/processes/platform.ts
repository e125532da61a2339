import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { openDataDir, type DataDir } from '../embedded/data-dir.ts';
import { startPostgres } from '../embedded/postgres.ts';
import { startTemporal } from '../embedded/temporal-server.ts';
import type { Log } from '../log.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.ts';

/** The servers and secrets that everything else stands on: embedded ones, or those the environment names. */
export type Platform = {
  databaseUrl: string;
  temporalAddress: string;
  /** Base of links to the Temporal Web UI; null where nobody said where it is. */
  temporalUiUrl: string | null;
  apiKey: string;
  /** Whether the key was made by this start. */
  isNewKey: boolean;
  encryptionKey: string;
  embedded: { postgres: boolean; temporal: boolean };
  stop(): Promise<void>;
};

type Stop = () => Promise<void>;

const KEY_PREFIX = 'sk_';

/** Opens the data directory and starts what is not given. What was started is stopped again when a later step fails. */
export async function openPlatform(config: Config, log: Log): Promise<Platform> {
  const dataDir = await openDataDir(config.dataDir);
  const stops: Stop[] = [() => dataDir.release()];
  const stop = async () => {
    for (const step of stops.toReversed()) await step();
  };
  try {
    const secrets = await openSecrets(config, dataDir);
    const servers = await Promise.all([
      openPostgres(config, { dataDir, log, stops }),
      openTemporal(config, { dataDir, log, stops }),
    ]);
    const [databaseUrl, temporal] = servers;
    return {
      databaseUrl,
      temporalAddress: temporal.address,
      temporalUiUrl: temporal.uiUrl,
      ...secrets,
      embedded: { postgres: !config.databaseUrl, temporal: !config.temporalAddress },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openSecrets(config: Config, dataDir: DataDir) {
  let isNewKey = false;
  const apiKey =
    config.apiKey ??
    (await dataDir.secret('api-key', () => {
      isNewKey = true;
      return KEY_PREFIX + randomBytes(32).toString('base64url');
    }));
  const encryptionKey =
    config.encryptionKey ??
    (await dataDir.secret('encryption-key', () => randomBytes(32).toString('hex')));
  return { apiKey, isNewKey, encryptionKey };
}

type Starting = { dataDir: DataDir; log: Log; stops: Stop[] };

async function openPostgres(config: Config, { dataDir, log, stops }: Starting): Promise<string> {
  if (config.databaseUrl) return config.databaseUrl;
  const postgres = await startPostgres({ dataDir: dataDir.path, log });
  stops.push(() => postgres.stop());
  return postgres.url;
}

async function openTemporal(
  config: Config,
  { dataDir, log, stops }: Starting,
): Promise<{ address: string; uiUrl: string | null }> {
  if (config.temporalAddress) {
    return { address: config.temporalAddress, uiUrl: config.temporalUiUrl ?? null };
  }
  const temporal = await startTemporal({
    dataDir: dataDir.path,
    namespace: config.temporalNamespace,
    cli: config.temporalCli,
    uiPort: config.temporalUiPort,
    log,
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  stops.push(() => temporal.stop());
  return { address: temporal.address, uiUrl: config.temporalUiUrl ?? temporal.uiUrl };
}
