import { createBatcher } from '../../db/batcher.ts';
import { isDataFault } from '../../db/faults.ts';
import type { Database } from '../../db/pool.ts';
import { insertRequests, type Arrival, type Stored } from '../../db/requests.ts';

/** Stores requests durably, many per commit. */
export type RequestStore = {
  /**
   * Resolves after the commit with what became of the request: a repeat of an idempotency key is told the id of the
   * first. Rejects with `BacklogFull` when too much waits, or with PostgreSQL's own fault.
   */
  add(arrival: Arrival): Promise<Stored>;
  idle(): Promise<void>;
};

const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
const MAX_WAIT_MS = 2_000;
// A commit costs about 0.3 ms of CPU, whatever it carries: from some 200 requests a second on, several go together.
const GATHER_MS = 5;
const ENOUGH = 32;

/** `onStored` hears after each commit that something may wait to be dispatched. */
export function createRequestStore(database: Database, onStored: () => void): RequestStore {
  const batcher = createBatcher<Arrival, Stored>({
    maxItems: 500,
    maxInFlight: 2,
    gatherMs: GATHER_MS,
    enough: ENOUGH,
    maxBatchBytes: MAX_BATCH_BYTES,
    maxWaitingBytes: MAX_WAITING_BYTES,
    maxAgeMs: MAX_WAIT_MS,
    bytesOf: ({ request }) => request.body.length + 1_000,
    isItemFault: isDataFault,
    async run(arrivals) {
      const stored = await insertRequests(database, arrivals);
      onStored();
      return stored;
    },
  });
  return { add: batcher.add, idle: batcher.idle };
}
