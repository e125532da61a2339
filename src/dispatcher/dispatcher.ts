import { freeBehind, reclaimRequests, releaseClaims } from '../db/outbox.ts';
import { openDispatcherSession } from '../db/outbox-session.ts';
import { runCodeLanes } from './code-lanes.ts';
import type { Options } from './options.ts';
import { runPlainLane } from './plain-lane.ts';
import { createSignals } from './signals.ts';
import { runSuspectLane } from './suspect-lane.ts';

/** Claims what waits in the outbox and starts one workflow per batch. */
export type Dispatcher = {
  /** The number under which an advisory lock shows to all that this process lives, until `close`. */
  id: number;
  /** Something was put into the outbox. */
  wake(): void;
  /** The requests of a dispatch have been routed: its lane is free. */
  routed(dispatchId: string): void;
  /** Claims nothing more. */
  stop(): Promise<void>;
  close(): Promise<void>;
};

const RECLAIM_EVERY_MS = 5_000;
// A dispatcher that lives may take its time: long transformations, a Temporal that is away.
export const STALE_MS = 600_000;
// A repeat looks again after its first, which mostly takes much less.
const BEHIND_MS = 1_000;

/** Starts as many lanes as batches may be routed at once; each claims, starts, waits until routed, and claims again. */
export async function startDispatcher(options: Options): Promise<Dispatcher> {
  const { database, databaseUrl, log, concurrency, credits, onPressure } = options;
  const signals = createSignals();
  const session = await openDispatcherSession(databaseUrl, {
    onWork: signals.wake,
    onPressure,
    onError: (error) =>
      log.warn({ error }, 'The dispatcher lost its database session and is opening a new one'),
  });
  const reclaim = () =>
    reclaimRequests(database, { staleMs: STALE_MS }).then(
      (n) => {
        if (n > 0) log.info({ requests: n }, 'Took over the requests of a dispatcher that ended');
        if (n > 0) signals.wakeForReclaimed();
      },
      (error: unknown) => log.warn({ error }, 'Could not look for requests left behind'),
    );
  const freeRepeats = () =>
    freeBehind(database, { afterMs: BEHIND_MS }).then(
      (n) => {
        if (n > 0) signals.wake();
      },
      (error: unknown) => log.warn({ error }, 'Could not look for waiting duplicates'),
    );
  await reclaim();
  const reclaiming = setInterval(() => void reclaim().then(freeRepeats), RECLAIM_EVERY_MS);
  const context = { session, signals };
  // User code takes its time: its sources have lanes of their own, and hold up no other.
  const lanes = [
    ...Array.from({ length: concurrency }, () => runPlainLane(options, context)),
    runCodeLanes(options, context),
    runSuspectLane(options, context),
  ];
  return {
    id: session.id,
    wake: signals.wake,
    routed: signals.routed,
    async stop() {
      clearInterval(reclaiming);
      signals.stop();
      credits.close();
      await Promise.all(lanes);
    },
    async close() {
      await releaseClaims(database, { claimedBy: session.id }).catch((error: unknown) =>
        log.warn({ error }, 'Could not release claimed requests'),
      );
      await session.close();
    },
  };
}
