import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from './db/configuration-cache.ts';
import { newId } from './db/ids.ts';
import { claimRequests, countDispatched, reclaimRequests, type Claim } from './db/outbox.ts';
import { openDispatcherSession, type DispatcherSession } from './db/outbox-session.ts';
import type { Database } from './db/pool.ts';
import type { Log } from './log.ts';
import type { Workflows } from './temporal/workflows.ts';

/** Claims what waits in the outbox and starts one workflow per batch. */
export type Dispatcher = {
  /** Something was put into the outbox. */
  wake(): void;
  /** The requests of a dispatch have been routed: its lane is free. */
  routed(dispatchId: string): void;
  stop(): Promise<void>;
};

type Options = {
  database: Database;
  databaseUrl: string;
  configuration: Configuration;
  workflows: Workflows;
  log: Log;
  maxBatch: number;
  /** Batches that are being routed at once. */
  concurrency: number;
};

const IDLE_LOOK_MS = 1_000;
const ROUTED_LOOK_MS = 2_000;
const RECLAIM_EVERY_MS = 5_000;
// A dispatcher that lives may take its time: long transformations, a Temporal that is away.
const STALE_MS = 600_000;

/** Starts as many lanes as batches may be routed at once; each claims, starts, waits until routed, and claims again. */
export async function startDispatcher(options: Options): Promise<Dispatcher> {
  const { database, databaseUrl, log, concurrency } = options;
  const signals = createSignals();
  const session = await openDispatcherSession(databaseUrl, {
    onWork: signals.wake,
    onError: (error) => log.warn({ error }, 'The dispatcher lost its session and takes a new one'),
  });
  const reclaim = () =>
    reclaimRequests(database, { staleMs: STALE_MS }).then(
      (n) => {
        if (n > 0) log.info({ requests: n }, 'Took over requests of a dispatcher that is gone');
        if (n > 0) signals.wake();
      },
      (error: unknown) => log.warn({ error }, 'Could not look for requests left behind'),
    );
  await reclaim();
  const reclaiming = setInterval(() => void reclaim(), RECLAIM_EVERY_MS);
  const lanes = Array.from({ length: concurrency }, () => runLane(options, { session, signals }));
  return {
    wake: signals.wake,
    routed: signals.routed,
    async stop() {
      clearInterval(reclaiming);
      signals.stop();
      await Promise.all(lanes);
      await session.close();
    },
  };
}

async function runLane(
  options: Options,
  { session, signals }: { session: DispatcherSession; signals: Signals },
): Promise<void> {
  const { database, log, maxBatch } = options;
  let afterSourceId = '';
  while (!signals.stopped()) {
    try {
      const claim = await claimRequests(database, {
        dispatchId: newId('dispatch'),
        claimedBy: session.id,
        afterSourceId,
        limit: maxBatch,
      });
      if (claim.requestIds.length > 0) {
        await dispatch(options, { claim, signals });
        afterSourceId = claim.lastSourceId;
      } else if (afterSourceId !== '') afterSourceId = '';
      else await signals.work(IDLE_LOOK_MS);
    } catch (error) {
      log.warn({ error }, 'Could not claim requests');
      await signals.work(IDLE_LOOK_MS);
    }
  }
}

/** Starts the workflow of a claim, however long Temporal is away, and waits until its requests are routed. */
async function dispatch(
  { database, configuration, workflows, log }: Options,
  { claim, signals }: { claim: Claim; signals: Signals },
): Promise<void> {
  const { dispatchId, requestIds } = claim;
  const sources = claim.sourceIds.flatMap((id) => configuration.source(id) ?? []);
  const routed = signals.untilRouted(dispatchId);
  const order = { dispatchId, requestIds, projectId: sources[0]?.projectId ?? '', sources };
  for (let waitMs = 100; !signals.stopped(); waitMs = Math.min(waitMs * 2, 5_000)) {
    try {
      await workflows.startDispatch(order);
      break;
    } catch (error) {
      log.warn({ error, dispatch: dispatchId }, 'Temporal did not take a dispatch; trying again');
      await sleep(waitMs);
    }
  }
  while (!signals.stopped()) {
    if (await routed.within(ROUTED_LOOK_MS)) return;
    // Another worker may have routed it, or a signal of this process got lost.
    const left = await countDispatched(database, claim).catch(() => 1);
    if (left === 0) return routed.forget();
  }
  routed.forget();
}

type Signals = ReturnType<typeof createSignals>;

/** What lanes wait for: work, the end of a routing, the end of everything. */
function createSignals() {
  let stopped = false;
  let idle: (() => void)[] = [];
  const routing = new Map<string, () => void>();
  const wake = () => {
    const waiting = idle;
    idle = [];
    for (const resolve of waiting) resolve();
  };
  return {
    wake,
    stopped: () => stopped,
    stop() {
      stopped = true;
      wake();
      for (const resolve of routing.values()) resolve();
    },
    routed: (dispatchId: string) => routing.get(dispatchId)?.(),
    work: (withinMs: number) =>
      within(new Promise<void>((resolve) => idle.push(resolve)), withinMs),
    untilRouted(dispatchId: string) {
      const done = Promise.withResolvers<void>();
      routing.set(dispatchId, done.resolve);
      const forget = () => void routing.delete(dispatchId);
      return {
        forget,
        async within(ms: number): Promise<boolean> {
          const isRouted = await within(done.promise, ms);
          if (isRouted) forget();
          return isRouted;
        },
      };
    },
  };
}

async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  const won = await Promise.race([promise.then(() => true), late]);
  timer.abort();
  return won;
}
