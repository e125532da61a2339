import type { Configuration } from '../db/configuration-cache.ts';
import type { Database } from '../db/pool.ts';
import type { Log } from '../log.ts';
import type { Workflows } from '../temporal/workflows.ts';

export type Options = {
  database: Database;
  databaseUrl: string;
  configuration: Configuration;
  workflows: Workflows;
  /** Whether all code that runs for a source has shown to be quick. */
  isQuick: (sourceId: string) => boolean;
  log: Log;
  maxBatch: number;
  /** Batches that are being routed at once. */
  concurrency: number;
};
