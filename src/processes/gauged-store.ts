import { createAckGauge } from '../api/ingest/ack-gauge.ts';
import { createRequestStore, type RequestStore } from '../api/ingest/store.ts';
import { announcePressure } from '../db/outbox-session.ts';
import type { Foundation } from './foundation.ts';

/**
 * The store of requests, watched: while acknowledgements are slow, the dispatchers of all processes are told to give
 * way. How long a request waits to be stored is what most of its acknowledgement takes.
 */
export function openGaugedStore(foundation: Foundation, onStored: () => void): RequestStore {
  const gauge = createAckGauge({ onSlow: pressureAnnouncer(foundation) });
  const { add, idle } = createRequestStore(foundation.pipeline, onStored);
  return {
    async add(arrival) {
      const beganAt = performance.now();
      try {
        return await add(arrival);
      } finally {
        gauge.acknowledged(performance.now() - beganAt);
      }
    },
    idle,
  };
}

/** At most one under way: by the next it may be over. */
function pressureAnnouncer({ pipeline, log }: Foundation): () => void {
  let running = false;
  return function announce(): void {
    if (running) return;
    running = true;
    announcePressure(pipeline)
      .catch((error: unknown) => log.debug({ error }, 'Dispatchers were not told to give way'))
      .finally(() => (running = false));
  };
}
