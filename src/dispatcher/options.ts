import type { Configuration } from '../db/configuration-cache.ts';
import type { Database } from '../db/pool.ts';
import type { Log } from '../log.ts';
import type { Standing } from '../domain/standing.ts';
import type { Workflows } from '../temporal/workflows.ts';
import type { Credits } from './credits.ts';

export type Options = {
  database: Database;
  databaseUrl: string;
  configuration: Configuration;
  workflows: Workflows;
  /** What is known of the code that runs for a source. */
  standingOf: (sourceId: string) => Standing;
  log: Log;
  /** What may be claimed. */
  credits: Credits;
  /** Acknowledgements are slow somewhere: others than the dispatcher have to give way too. */
  onPressure: () => void;
  maxBatch: number;
  /** Batches that are being routed at once. */
  concurrency: number;
};
