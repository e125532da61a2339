import type { Config } from '../config.ts';
import { ensureFirstKey } from '../db/api-keys.ts';
import { openConfiguration, type Configuration } from '../db/configuration-cache.ts';
import { migrate } from '../db/migrate.ts';
import { ensurePartitions } from '../db/partitions.ts';
import { unsafeSettings } from '../db/settings.ts';
import { openDatabase, type Database } from '../db/pool.ts';
import { ensureDefaultProject } from '../db/projects.ts';
import { createSealer, SealError, type Sealer } from '../db/sealing.ts';
import { StartupError } from '../embedded/errors.ts';
import type { Log } from '../log.ts';
import { connectTemporal, reachTemporal, type Temporal } from '../temporal/connection.ts';
import { addSearchAttributes } from '../temporal/search-attributes.ts';
import type { Layers } from '../sandbox/layers.ts';
import { findSandboxLayers } from '../sandbox/pool.ts';
import { createWorkflows, type Workflows } from '../temporal/workflows.ts';
import type { Platform } from './platform.ts';

/** What api and worker share: the database, the configuration in memory, the way to Temporal. */
export type Foundation = {
  config: Config;
  log: Log;
  platform: Platform;
  /** For the admin API and what is done now and then. */
  db: Database;
  /** For what each event needs: waits behind nobody's list. */
  pipeline: Database;
  sealer: Sealer;
  projectId: string;
  configuration: Configuration;
  temporal: Temporal;
  workflows: Workflows;
  /** The walls around each child that runs user code, looked for once. */
  sandboxLayers: Layers;
};

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

type Opening = {
  platform: Platform;
  log: Log;
  hasWorker: boolean;
  onEnd: (stop: () => Promise<unknown>) => void;
};

/** Opens what api and worker stand on; `onEnd` takes the end of each part as soon as it is open. */
export async function openFoundation(
  config: Config,
  { platform, log, hasWorker, onEnd }: Opening,
): Promise<Foundation> {
  const onError = (error: Error) => log.warn({ error }, 'A database connection broke while idle');
  const db = openDatabase(platform.databaseUrl, { max: 8, onError });
  onEnd(() => db.close());
  const pipeline = openDatabase(platform.databaseUrl, { max: 16, steady: true, onError });
  onEnd(() => pipeline.close());
  const sealer = createSealer(platform.encryptionKey);
  await prepareDatabase(db, log);
  const project = await ensureDefaultProject(db, sealer);
  await ensureFirstKey(db, { projectId: project.id, key: platform.apiKey });
  const configuration = await openConfiguration({
    database: db,
    url: platform.databaseUrl,
    sealer,
    onError: (error) => log.warn({ error }, 'The configuration could not be read'),
  }).catch(asKeyFault);
  onEnd(() => configuration.close());
  const temporal = await connect({ config, platform, log, hasWorker });
  // A worker that still has something under way keeps it until the process ends.
  onEnd(() => temporal.connection.close().catch(() => {}));
  return {
    config,
    log,
    platform,
    db,
    pipeline,
    sealer,
    projectId: project.id,
    configuration,
    temporal,
    workflows: createWorkflows(temporal),
    sandboxLayers: findLayers(log),
  };
}

function findLayers(log: Log): Layers {
  const layers = findSandboxLayers();
  const { active, missing } = layers;
  log.info({ layers: active, missing }, 'Sandbox layers');
  return layers;
}

/** Brings the database up to date, and says which of its settings may lose what was acknowledged. */
export async function prepareDatabase(db: Database, log: Log): Promise<void> {
  try {
    await migrate(db);
    await ensurePartitions(db, { nowMs: Date.now() });
    for (const setting of await unsafeSettings(db)) {
      log.error({ setting }, 'PostgreSQL may lose what was acknowledged: switch this setting on');
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(
      `PostgreSQL cannot be used: ${reason || 'no connection'}. Check DATABASE_URL, and that the server runs and takes this user.`,
      { cause: error },
    );
  }
}

function asKeyFault(error: unknown): never {
  if (error instanceof SealError) {
    throw new StartupError(
      'The secrets in the database were encrypted with another key. Set ENCRYPTION_KEY to the one all processes of this gateway share.',
      { cause: error },
    );
  }
  throw error;
}

type Connecting = { config: Config; platform: Platform; log: Log; hasWorker: boolean };

async function connect({ config, platform, log, hasWorker }: Connecting): Promise<Temporal> {
  const { temporalAddress: address } = platform;
  const at = { address, namespace: config.temporalNamespace };
  if (!hasWorker) return reachTemporal(at);
  const temporal = await connectTemporal(at).catch((cause: unknown) => {
    throw new StartupError(
      `Temporal does not answer at ${address}. Check TEMPORAL_ADDRESS, and that the server runs.`,
      { cause },
    );
  });
  await addSearchAttributes(temporal.connection, at.namespace).catch((error: unknown) =>
    log.warn(
      { error },
      'Search attributes could not be added; the migrate command needs the right to',
    ),
  );
  return temporal;
}

/** Private networks that deliveries may enter; the embedded default opens loopback, so that a first try works. */
export function allowedCidrs({
  config,
  platform,
}: Pick<Foundation, 'config' | 'platform'>): string[] {
  return config.egressAllowCidrs ?? (platform.embedded.postgres ? LOOPBACK : []);
}
