import { openDatabase } from '../db/pool.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { reachTemporal } from '../temporal/connection.ts';
import { addSearchAttributes } from '../temporal/search-attributes.ts';
import { prepareDatabase, unsafeTeller } from './foundation.ts';
import type { Platform } from './platform.ts';

/** Brings the database up to date, and the namespace's search attributes where Temporal answers already. */
export async function runMigrations(
  config: Config,
  { platform, log }: { platform: Platform; log: Log },
): Promise<void> {
  const onError = (error: Error) => log.warn({ error }, 'A database connection broke');
  const db = openDatabase(platform.databaseUrl, {
    max: 2,
    onError,
    onUnsafe: unsafeTeller(log),
  });
  try {
    await prepareDatabase(db);
  } finally {
    await db.close();
  }
  const namespace = config.temporalNamespace;
  const { connection } = reachTemporal({ address: platform.temporalAddress, namespace });
  try {
    await addSearchAttributes(connection, namespace);
  } catch (error) {
    log.warn({ error }, 'Search attributes were not added: Temporal did not respond or refused');
  } finally {
    await connection.close();
  }
  log.info('The database is up to date');
}
