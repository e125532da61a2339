import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from '../db/configuration-cache.ts';
import { newId } from '../db/ids.ts';
import {
  claimRequests,
  countDispatched,
  reclaimRequests,
  type Claim,
  type Lane,
} from '../db/outbox.ts';
import { openDispatcherSession, type DispatcherSession } from '../db/outbox-session.ts';
import type { Database } from '../db/pool.ts';
import type { Log } from '../log.ts';
import type { Workflows } from '../temporal/workflows.ts';
import { createBusySources, type BusySources } from './busy-sources.ts';
import { createSignals, type Signals } from './signals.ts';

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

const CODE_LANES = 6;
const CODE_LANES_PER_SOURCE = 2;
const CODE_BATCH = 50;
const IDLE_LOOK_MS = 1_000;
// A dispatch costs some 20 ms of CPU, whatever it carries: where several come at a time, more of them go together.
const GATHER_MS = 50;
// A source that had its share of lanes may have one free again.
const BUSY_LOOK_MS = 50;
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
  const context = { session, signals, busy: createBusySources(CODE_LANES_PER_SOURCE) };
  const lanes = [
    ...Array.from({ length: concurrency }, () => runLane(options, { ...context, withCode: false })),
    ...Array.from({ length: CODE_LANES }, () => runLane(options, { ...context, withCode: true })),
  ];
  return {
    id: session.id,
    wake: signals.wake,
    routed: signals.routed,
    async stop() {
      clearInterval(reclaiming);
      signals.stop();
      await Promise.all(lanes);
    },
    close: () => session.close(),
  };
}

type LaneContext = {
  session: DispatcherSession;
  signals: Signals;
  busy: BusySources;
  /** User code takes its time: its sources have lanes of their own, and hold up no other. */
  withCode: boolean;
};

async function runLane(options: Options, context: LaneContext): Promise<void> {
  const { database, log, maxBatch } = options;
  const { session, signals, busy, withCode } = context;
  const lane = withCode ? 'code' : 'plain';
  const limit = withCode ? Math.min(maxBatch, CODE_BATCH) : maxBatch;
  let afterSourceId = '';
  while (!signals.stopped()) {
    try {
      if (withCode && options.configuration.sourcesWithCode().length === 0) {
        await signals.work(lane, IDLE_LOOK_MS);
        continue;
      }
      const served = laneOf(options, context);
      const claimedAt = performance.now();
      const claim = await claimRequests(database, {
        dispatchId: newId('dispatch'),
        claimedBy: session.id,
        afterSourceId,
        limit,
        lane: served,
      });
      if (claim.requestIds.length > 0) {
        const isFull =
          claim.requestIds.length >= limit || claim.sourceIds.length >= served.maxSources;
        // There is more: one lane wakes the next, so that none looks in vain.
        if (isFull) signals.wakeNext(lane);
        busy.enter(claim.sourceIds);
        await dispatch(options, { claim, signals }).finally(() => busy.leave(claim.sourceIds));
        // What travels alone, and what waits for room, does not wait for others.
        if (!isFull && claim.requestIds.length > 1) await untilSince(claimedAt, GATHER_MS);
        // Only where some had to be left out does the next round begin behind those that had their turn.
        afterSourceId = isFull ? claim.lastSourceId : '';
      } else if (afterSourceId !== '') afterSourceId = '';
      else await signals.work(lane, withCode && busy.any() ? BUSY_LOOK_MS : IDLE_LOOK_MS);
    } catch (error) {
      log.warn({ error }, 'Could not claim requests');
      await signals.work(lane, IDLE_LOOK_MS);
    }
  }
}

async function untilSince(beganAt: number, ms: number): Promise<void> {
  const leftMs = beganAt + ms - performance.now();
  if (leftMs > 0) await sleep(leftMs);
}

/** A lane for code takes one source at a time, and none that has its share of lanes already. */
function laneOf({ configuration }: Options, { withCode, busy }: LaneContext): Lane {
  const sources = configuration.sourcesWithCode();
  if (!withCode) return { sources, serves: 'others', maxSources: 50 };
  return { sources: sources.filter((id) => !busy.isFull(id)), serves: 'these', maxSources: 1 };
}

/** Starts the workflow of a claim, however long Temporal is away, and waits until its requests are routed. */
async function dispatch(
  { database, configuration, workflows, log }: Options,
  { claim, signals }: { claim: Claim; signals: Signals },
): Promise<void> {
  const { dispatchId, requestIds, verified } = claim;
  const sources = claim.sourceIds.flatMap((id) => configuration.source(id) ?? []);
  const routed = signals.untilRouted(dispatchId);
  const projectId = sources[0]?.projectId ?? '';
  const order = { dispatchId, requestIds, verified, projectId, sources };
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
