import { createBatcher } from '../../db/batcher.ts';
import { isDataFault } from '../../db/faults.ts';
import { claimFirst } from '../../db/claims.ts';
import type { Database } from '../../db/pool.ts';
import { insertRequests, type NewRequest } from '../../db/requests.ts';

/** A request on its way into the store, with the idempotency key it came with. */
export type Arrival = { request: NewRequest; key: { hash: Buffer; expiresAtMs: number } | null };

/** What became of it: stored under its own id, or the repeat of an earlier one. */
export type Stored = { kind: 'stored'; requestId: string } | { kind: 'repeat'; requestId: string };

/** Stores requests durably, many per commit. */
export type RequestStore = {
  /** Resolves after the commit. Rejects with `BacklogFull` when too much waits, or with PostgreSQL's own fault. */
  add(arrival: Arrival): Promise<Stored>;
  idle(): Promise<void>;
};

const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
const MAX_WAIT_MS = 2_000;

/** `onStored` hears after each commit that something may wait to be dispatched. */
export function createRequestStore(database: Database, onStored: () => void): RequestStore {
  const batcher = createBatcher<Arrival, Stored>({
    maxItems: 500,
    maxInFlight: 2,
    maxBatchBytes: MAX_BATCH_BYTES,
    maxWaitingBytes: MAX_WAITING_BYTES,
    maxAgeMs: MAX_WAIT_MS,
    bytesOf: ({ request }) => request.body.length + 1_000,
    isItemFault: isDataFault,
    async run(arrivals) {
      const keyed = arrivals.some((arrival) => arrival.key !== null);
      const stored = keyed
        ? await storeKeyed(database, arrivals)
        : await storePlain(database, arrivals);
      onStored();
      return stored;
    },
  });
  return { add: batcher.add, idle: batcher.idle };
}

async function storePlain(database: Database, arrivals: Arrival[]): Promise<Stored[]> {
  await insertRequests(
    database,
    arrivals.map(({ request }) => request),
  );
  return arrivals.map(({ request }) => ({ kind: 'stored', requestId: request.id }));
}

function storeKeyed(database: Database, arrivals: Arrival[]): Promise<Stored[]> {
  return database.transaction(async (db) => {
    const claims = arrivals.flatMap(({ request, key }) =>
      key
        ? {
            scope: request.sourceId,
            key: key.hash,
            owner: request.id,
            expiresAtMs: key.expiresAtMs,
          }
        : [],
    );
    const owners = await claimFirst(db, claims);
    let next = 0;
    const stored = arrivals.map(({ request, key }): Stored => {
      const owner = key ? owners[next++]! : request.id;
      return { kind: owner === request.id ? 'stored' : 'repeat', requestId: owner };
    });
    const fresh = arrivals.filter((_, i) => stored[i]!.kind === 'stored');
    const requests = fresh.map(({ request }) => request);
    if (requests.length > 0) await insertRequests(db, requests);
    return stored;
  });
}
