import type { Config } from '../config.ts';
import { ensureFirstKey } from '../db/api-keys.ts';
import { openConfiguration, type Configuration } from '../db/configuration-cache.ts';
import { migrate } from '../db/migrate.ts';
import { ensurePartitions } from '../db/partitions.ts';
import { openDatabase, type Database } from '../db/pool.ts';
import { ensureDefaultProject } from '../db/projects.ts';
import { createSealer, SealError, type Sealer } from '../db/sealing.ts';
import { StartupError } from '../embedded/errors.ts';
import type { Log } from '../log.ts';
import type { Address, Temporal } from '../temporal/connection.ts';
import type { Layers } from '../sandbox/layers.ts';
import { findSandboxLayers } from '../sandbox/pool.ts';
import { createWorkflows, type Workflows } from '../temporal/workflows.ts';
import { startClock } from './clock.ts';
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

type Opening = {
  platform: Platform;
  log: Log;
  connect: (temporal: Address) => Promise<Temporal>;
  onEnd: (stop: () => Promise<unknown>) => void;
};

/** Opens what api and worker stand on; `onEnd` takes the end of each part as soon as it is open. */
export async function openFoundation(
  config: Config,
  { platform, log, connect, onEnd }: Opening,
): Promise<Foundation> {
  const onError = (error: Error) => log.warn({ error }, 'A database connection broke while idle');
  const onUnsafe = unsafeTeller(log);
  const db = openDatabase(platform.databaseUrl, { max: 8, waitMs: 15_000, onError, onUnsafe });
  onEnd(() => db.close());
  const pipeline = openDatabase(platform.databaseUrl, { max: 16, steady: true, onError, onUnsafe });
  onEnd(() => pipeline.close());
  const sealer = createSealer(platform.encryptionKey);
  await prepareDatabase(db);
  onEnd(await startClock(db, log));
  const project = await ensureDefaultProject(db, sealer);
  await openWithKey(db, { config, platform, log, projectId: project.id });
  const configuration = await openConfiguration({
    database: db,
    url: platform.databaseUrl,
    sealer,
    onError: (error) => log.warn({ error }, 'The configuration could not be read'),
  }).catch(asKeyFault);
  onEnd(() => configuration.close());
  const { temporalAddress: address } = platform;
  const temporal = await connect({ address, namespace: config.temporalNamespace });
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

async function openWithKey(
  db: Database,
  {
    config,
    platform,
    log,
    projectId,
  }: Pick<Foundation, 'config' | 'platform' | 'log' | 'projectId'>,
): Promise<void> {
  const isGiven = config.apiKey !== undefined;
  const replaced = await ensureFirstKey(db, { projectId, key: platform.apiKey, isGiven });
  if (replaced > 0)
    log.warn({ replaced }, 'API_KEY has replaced the key before it, which is invalid now');
}

/** Says once an hour, not with every connection, by which settings the server may lose what was acknowledged. */
export function unsafeTeller(log: Log): (settings: string[]) => void {
  const toldAtMs = new Map<string, number>();
  return (settings) => {
    for (const setting of settings) {
      if (performance.now() - (toldAtMs.get(setting) ?? -Infinity) < 3_600_000) continue;
      toldAtMs.set(setting, performance.now());
      log.error({ setting }, 'PostgreSQL may lose acknowledged requests. Turn this setting on');
    }
  };
}

function findLayers(log: Log): Layers {
  const layers = findSandboxLayers();
  const { active, missing } = layers;
  log.info({ layers: active, missing }, 'Sandbox layers');
  return layers;
}

/** Brings the database up to date. */
export async function prepareDatabase(db: Database): Promise<void> {
  try {
    await migrate(db);
    await ensurePartitions(db);
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
