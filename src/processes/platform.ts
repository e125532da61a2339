import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { DatabaseUrlError } from '../db/address.ts';
import { settleTls } from '../db/tls.ts';
import { openDataDir, type DataDir } from '../embedded/data-dir.ts';
import { StartupError } from '../embedded/errors.ts';
import { writeGatewayRecord } from '../embedded/gateway-record.ts';
import { keepRunning } from '../embedded/keep-running.ts';
import { giveWayAsSession } from '../embedded/priority.ts';
import { startPostgres, type EmbeddedPostgres } from '../embedded/postgres.ts';
import { startTemporal, type EmbeddedTemporal } from '../embedded/temporal-server.ts';
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
};

const KEY_PREFIX = 'sk_';

type OnEnd = (stop: () => Promise<void>) => void;

/** Opens the data directory and starts what is not given; `onEnd` takes the stop of each part as soon as it runs. */
export async function openPlatform(
  config: Config,
  { log, onEnd }: { log: Log; onEnd: OnEnd },
): Promise<Platform> {
  const dataDir = await openDataDir(config.dataDir);
  onEnd(() => dataDir.release());
  const secrets = await openSecrets(config, dataDir);
  // Where one of them fails, the other has to be there before it can be stopped.
  const [postgres, temporal] = await Promise.allSettled([
    openPostgres(config, { dataDir, log, onEnd }),
    openTemporal(config, { dataDir, log, onEnd }),
  ]);
  if (postgres.status === 'rejected') throw postgres.reason;
  if (temporal.status === 'rejected') throw temporal.reason;
  const { address } = temporal.value;
  await writeGatewayRecord(dataDir.path, {
    keyIsGiven: config.apiKey !== undefined,
    temporal: { address, namespace: config.temporalNamespace },
  });
  return {
    databaseUrl: postgres.value,
    temporalAddress: address,
    temporalUiUrl: temporal.value.uiUrl,
    ...secrets,
    embedded: { postgres: !config.databaseUrl, temporal: !config.temporalAddress },
  };
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

type Starting = { dataDir: DataDir; log: Log; onEnd: OnEnd };

async function openPostgres(config: Config, { dataDir, log, onEnd }: Starting): Promise<string> {
  if (config.databaseUrl) return usableUrl(config.databaseUrl);
  const { first, stop } = await keepRunning<EmbeddedPostgres>('PostgreSQL', {
    start: (before) =>
      startPostgres({
        dataDir: dataDir.path,
        log,
        ...(before && { port: before.port, isFixed: true }),
      }),
    log,
  });
  onEnd(stop);
  return first.url;
}

/** The URL with everything settled that the driver cannot settle; a sentence on what is wrong where it cannot be used. */
async function usableUrl(url: string): Promise<string> {
  try {
    return await settleTls(url);
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    throw new StartupError(`DATABASE_URL cannot be used: ${error.message}.`);
  }
}

async function openTemporal(
  config: Config,
  { dataDir, log, onEnd }: Starting,
): Promise<{ address: string; uiUrl: string | null }> {
  if (config.temporalAddress) {
    return { address: config.temporalAddress, uiUrl: config.temporalUiUrl ?? null };
  }
  const { first, stop } = await keepRunning<EmbeddedTemporal>('Temporal', {
    async start(before) {
      const server = await startTemporal({
        dataDir: dataDir.path,
        namespace: config.temporalNamespace,
        cli: config.temporalCli,
        uiPort: before?.uiPort ?? config.temporalUiPort,
        log,
        searchAttributes: SEARCH_ATTRIBUTES,
        ...(before && { port: before.port, isFixed: true }),
      });
      giveWayAsSession(server.pid);
      return server;
    },
    log,
  });
  onEnd(stop);
  return { address: first.address, uiUrl: config.temporalUiUrl ?? first.uiUrl };
}
