import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/db/migrate.ts';
import { openDatabase } from '../../src/db/pool.ts';
import { startPostgres } from '../../src/embedded/postgres.ts';
import { startTemporal } from '../../src/embedded/temporal-server.ts';
import { createLog } from '../../src/log.ts';
import { SEARCH_ATTRIBUTES } from '../../src/workflows/search-attributes.ts';
import { removeAtEnd } from './left-behind.ts';
import { lastingPort } from './ports.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string;
    temporalAddress: string;
  }
}

/** One real PostgreSQL with a migrated template, and one real Temporal, for all test files of a run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  removeAtEnd(dataDir);
  const log = createLog({ level: 'warn', name: 'test' });
  const [postgres, temporal] = await Promise.all([
    startPostgres({ dataDir, log, port: await lastingPort() }),
    startTemporal({
      dataDir,
      namespace: 'default',
      port: await lastingPort(),
      uiPort: await lastingPort(),
      log,
      searchAttributes: SEARCH_ATTRIBUTES,
    }),
  ]);
  await makeTemplate(postgres.url);
  project.provide('postgresUrl', postgres.url);
  project.provide('temporalAddress', temporal.address);
  return async () => {
    await Promise.all([postgres.stop(), temporal.stop()]);
    await rm(dataDir, { recursive: true, force: true });
  };
}

async function makeTemplate(url: string): Promise<void> {
  const onError = (error: Error) => console.error(error);
  const database = openDatabase(url, { max: 2, onError });
  await migrate(database);
  await database.close();
}
