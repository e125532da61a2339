import { createBatcher } from '../../db/batcher.ts';
import { isDataFault } from '../../db/faults.ts';
import type { Database } from '../../db/pool.ts';
import { findFirstRequest, insertRequests, type Arrival } from '../../db/requests.ts';

/** Stores requests durably, many per commit. */
export type RequestStore = {
  /**
   * Resolves after the commit with the request's own id, or with the id of the first request that had its
   * idempotency key. Rejects with `BacklogFull` when too much waits, or with PostgreSQL's own fault.
   */
  add(arrival: Arrival): Promise<string>;
  idle(): Promise<void>;
};

const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
const MAX_WAIT_MS = 2_000;

/** `onStored` hears after each commit that something may wait to be dispatched. */
export function createRequestStore(database: Database, onStored: () => void): RequestStore {
  const batcher = createBatcher<Arrival, string>({
    maxItems: 500,
    maxInFlight: 2,
    maxBatchBytes: MAX_BATCH_BYTES,
    maxWaitingBytes: MAX_WAITING_BYTES,
    maxAgeMs: MAX_WAIT_MS,
    bytesOf: ({ request }) => request.body.length + 1_000,
    isItemFault: isDataFault,
    async run(arrivals) {
      const stored = await insertRequests(database, arrivals);
      onStored();
      return Promise.all(
        arrivals.map((arrival) =>
          standsFor(database, { arrival, isStored: stored.has(arrival.request.id) }),
        ),
      );
    },
  });
  return { add: batcher.add, idle: batcher.idle };
}

async function standsFor(
  database: Database,
  { arrival: { request, idempotency }, isStored }: { arrival: Arrival; isStored: boolean },
): Promise<string> {
  if (isStored || !idempotency) return request.id;
  const first = await findFirstRequest(database, {
    sourceId: request.sourceId,
    key: idempotency.hash,
  });
  return first ?? request.id;
}
