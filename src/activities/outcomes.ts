import { setTimeout as sleep } from 'node:timers/promises';
import { finishAttempts, type FinishedAttempt } from '../db/attempts.ts';
import { createBatcher, type Batcher } from '../db/batcher.ts';
import { isDataFault } from '../db/faults.ts';
import type { Database } from '../db/pool.ts';
import type { Log } from '../log.ts';
import { Stopping, type Flights } from './flights.ts';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;
// Deliveries at an even pace end one by one: written one by one, they would cost more than they did to send.
const GATHER_MS = 25;
const ENOUGH = 16;

/**
 * Writes outcomes, many at once. An outcome that is known is not forgotten because PostgreSQL is away: the receiver has
 * the event already. It is written again and again until it is there, or the process ends.
 */
export function createOutcomes({
  db,
  flights,
  log,
}: {
  db: Database;
  flights: Flights;
  log: Log;
}): Batcher<FinishedAttempt, void> {
  async function write(items: FinishedAttempt[]): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      try {
        return await finishAttempts(db, items);
      } catch (error) {
        if (isDataFault(error)) throw error;
        if (flights.hasGivenUp()) throw new Stopping();
        log.warn(
          { error, attempts: items.length },
          'Attempt results could not be written. Trying again',
        );
        await sleep(waitMs);
      }
    }
  }
  return createBatcher({
    maxItems: 500,
    maxInFlight: 2,
    gatherMs: GATHER_MS,
    enough: ENOUGH,
    run: async (items) => {
      await write(items).catch(async (error: unknown) => {
        // Refused for good: without an outcome it would be sent again and again.
        if (items.length > 1 || !isDataFault(error)) throw error;
        log.error(
          { error, attempt: items[0]!.attemptId },
          'An attempt result could not be stored completely',
        );
        await write([bare(items[0]!)]);
      });
      return items.map(() => undefined);
    },
    isItemFault: isDataFault,
  });
}

/** An outcome without what a receiver had a say in. */
function bare(outcome: FinishedAttempt): FinishedAttempt {
  const { responseStatus } = outcome;
  const hasStatus = responseStatus !== null && responseStatus >= 100 && responseStatus <= 999;
  return {
    ...outcome,
    responseStatus: hasStatus ? responseStatus : null,
    message: 'The response of the destination could not be stored.',
    requestedUrl: null,
    responseHeaders: null,
    responseBody: Buffer.alloc(0),
    bodyTruncated: true,
    latencyMs: null,
  };
}
