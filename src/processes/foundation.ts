import type { Config } from '../config.ts';
import { ensureFirstKey } from '../db/api-keys.ts';
import { openConfiguration, type Configuration } from '../db/configuration-cache.ts';
import { migrate } from '../db/migrate.ts';
import { ensurePartitions } from '../db/partitions.ts';
import { openDatabase, type Database } from '../db/pool.ts';
import { ensureDefaultProject } from '../db/projects.ts';
import { createSealer, type Sealer } from '../db/sealing.ts';
import { StartupError } from '../embedded/errors.ts';
import type { Log } from '../log.ts';
import { connectTemporal, type Temporal } from '../temporal/connection.ts';
import { createWorkflows, type Workflows } from '../temporal/workflows.ts';
import type { Platform } from './platform.ts';

/** What api and worker share: the database, the configuration in memory, the way to Temporal. */
export type Foundation = {
  config: Config;
  log: Log;
  platform: Platform;
  db: Database;
  sealer: Sealer;
  projectId: string;
  configuration: Configuration;
  temporal: Temporal;
  workflows: Workflows;
  close(): Promise<void>;
};

const LOOPBACK = ['127.0.0.0/8', '::1/128'];
const MAINTENANCE_MS = 3_600_000;

export async function openFoundation(
  config: Config,
  { platform, log }: { platform: Platform; log: Log },
): Promise<Foundation> {
  const db = openDatabase(platform.databaseUrl, {
    max: 20,
    onError: (error) => log.warn({ error }, 'A database connection broke while idle'),
  });
  const sealer = createSealer(platform.encryptionKey);
  await prepareDatabase(db);
  const project = await ensureDefaultProject(db, sealer);
  await ensureFirstKey(db, { projectId: project.id, key: platform.apiKey });
  const configuration = await openConfiguration({
    database: db,
    url: platform.databaseUrl,
    sealer,
    onError: (error) => log.warn({ error }, 'The configuration could not be read'),
  });
  const temporal = await connect(config, platform);
  const maintenance = setInterval(() => {
    ensurePartitions(db, { nowMs: Date.now() }).catch((error: unknown) =>
      log.error({ error }, 'Partitions could not be made'),
    );
  }, MAINTENANCE_MS);
  return {
    config,
    log,
    platform,
    db,
    sealer,
    projectId: project.id,
    configuration,
    temporal,
    workflows: createWorkflows(temporal),
    async close() {
      clearInterval(maintenance);
      await temporal.connection.close();
      await configuration.close();
      await db.close();
    },
  };
}

async function prepareDatabase(db: Database): Promise<void> {
  try {
    await migrate(db);
    await ensurePartitions(db, { nowMs: Date.now() });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(
      `PostgreSQL cannot be used: ${reason || 'no connection'}. Check DATABASE_URL, and that the server runs and takes this user.`,
      { cause: error },
    );
  }
}

async function connect(config: Config, platform: Platform): Promise<Temporal> {
  const { temporalAddress: address } = platform;
  try {
    return await connectTemporal({ address, namespace: config.temporalNamespace });
  } catch (error) {
    throw new StartupError(
      `Temporal does not answer at ${address}. Check TEMPORAL_ADDRESS, and that the server runs.`,
      { cause: error },
    );
  }
}

/** Private networks that deliveries may enter; the embedded default opens loopback, so that a first try works. */
export function allowedCidrs({
  config,
  platform,
}: Pick<Foundation, 'config' | 'platform'>): string[] {
  return config.egressAllowCidrs ?? (platform.embedded.postgres ? LOOPBACK : []);
}
