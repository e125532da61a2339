import { setTimeout as sleep } from 'node:timers/promises';
import { laneWorkflowId } from '../domain/lane.ts';
import { deliveryWorkflowId } from '../domain/workflow-id.ts';
import { gatewayNow } from '../db/clock.ts';
import { newId } from '../db/ids.ts';
import {
  adoptEvents,
  listUnwatchedLanes,
  listWaiters,
  pageOfDue,
  pageOfQueued,
  stillQueued,
  type Overdue,
} from '../db/lost.ts';
import type { Database } from '../db/pool.ts';
import type { StartDelivery } from './pump.ts';

type Dependencies = {
  db: Database;
  /** Whether a workflow runs, and gets on. */
  isAlive: (workflowId: string) => Promise<boolean>;
  startDelivery: StartDelivery;
  startLane: (connectionId: string) => Promise<void>;
  log: { warn(fields: object, message: string): void };
  /** How long workflows are asked after in one look. */
  askingMs?: number;
  now?: () => number;
};

/** Looks once for events whose workflow is gone, and has others look after them; returns how many. */
export type LostEvents = { look(): Promise<number> };

// Longer than a delivery that is merely late takes; a look comes every 15 s.
const OVERDUE_MS = 30_000;
// Whoever was alive is asked again so much later.
const ASK_AGAIN_MS = 30_000;
const ASKING_MS = 5_000;
const FORGET_MS = 600_000;
const PAGES_A_LOOK = 40;
const BETWEEN_PAGES_MS = 100;
const MOST_WATCHED = 100_000;
const LOOKED_AT_AGAIN = 5_000;
const WALK_AGAIN_MS = 3_600_000;
// Together they cost what one costs.
const TOGETHER = 250;

/**
 * Events have their facts in PostgreSQL and their time in Temporal. Where a workflow was ended by hand, or Temporal has
 * lost what it had, an event is left with nobody: due, with no attempt under way, and in no row that says what it waits
 * for. It gets a new delivery. One whose first is alive after all is not sent twice: an attempt has one row.
 */
export function createLostEvents(deps: Dependencies): LostEvents {
  const { db, startLane, log, now = gatewayNow } = deps;
  const alive = createLiveness({ ...deps, now });
  const walk = createWalk({ db, now });
  let afterDue = '';
  let afterWaiter = '';

  async function due(): Promise<Overdue[]> {
    const page = await pageOfDue(db, { after: afterDue, overdueMs: OVERDUE_MS });
    afterDue = page.isLast ? '' : (page.last ?? '');
    return page.overdue;
  }

  async function lanes(): Promise<number> {
    let started = 0;
    for (const connectionId of await listUnwatchedLanes(db)) {
      if (await alive.any([laneWorkflowId(connectionId)])) continue;
      await startLane(connectionId);
      started++;
    }
    return started;
  }

  async function waiters(): Promise<number> {
    const page = { after: afterWaiter, waitedMs: 2 * OVERDUE_MS, limit: 100 };
    const found = await listWaiters(db, page);
    afterWaiter = found.length < page.limit ? '' : found.at(-1)!.workflowId;
    let started = 0;
    for (const { workflowId, eventIds } of found) {
      const [kind, , destinationId] = workflowId.split('/');
      if (kind !== 'delivery' || !destinationId || (await alive.any([workflowId]))) continue;
      await deps.startDelivery({ workflowId, destinationId, eventIds });
      started += eventIds.length;
    }
    return started;
  }

  return {
    async look() {
      alive.beginRound();
      let restarted = (await lanes()) + (await waiters());
      restarted += await restart(deps, { overdue: await due(), alive });
      for (let page = 0; page < PAGES_A_LOOK; page++) {
        const { overdue, isLast } = await walk.next();
        restarted += await restart(deps, { overdue, alive });
        if (isLast) break;
        await sleep(BETWEEN_PAGES_MS);
      }
      restarted += await restart(deps, { overdue: await walk.again(), alive });
      if (restarted > 0)
        log.warn({ events: restarted }, 'Restarted events whose workflow had ended');
      return restarted;
    },
  };
}

/** Starts deliveries for those that no workflow looks after. */
async function restart(
  { db, startDelivery }: Dependencies,
  { overdue, alive }: { overdue: Overdue[]; alive: Liveness },
): Promise<number> {
  const lost: Overdue[] = [];
  const left = overdue.filter((event) => !event.isKnown);
  // First those of whom nothing is known, then those that were found alive longest ago: each has its turn.
  const groups = [...Map.groupBy(left, keepersOf)].map(([ids, group]) => ({
    keepers: ids.split(' '),
    group,
  }));
  const inTurn = groups.toSorted((a, b) => alive.knownTo(a.keepers) - alive.knownTo(b.keepers));
  for (const { keepers, group } of inTurn) {
    if (!(await alive.any(keepers))) lost.push(...group);
  }
  let restarted = 0;
  for (const [destinationId, group] of Map.groupBy(lost, (event) => event.destinationId)) {
    for (let at = 0; at < group.length; at += TOGETHER) {
      const workflowId = deliveryWorkflowId({ dispatchId: newId('dispatch'), destinationId });
      // Written first: who dies in between leaves a workflow that is not there, and is found out.
      const events = group.slice(at, at + TOGETHER);
      const eventIds = await adoptEvents(db, { events, workflowId });
      if (eventIds.length === 0) continue;
      await startDelivery({ workflowId, destinationId, eventIds });
      restarted += eventIds.length;
    }
  }
  return restarted;
}

/** The workflows that may look after an event: who had it last, who routed it, and the delivery it began with. */
function keepersOf({ workflowId, dispatchId, destinationId }: Overdue): string {
  const own = deliveryWorkflowId({ dispatchId, destinationId });
  return [...new Set([workflowId, `requests/${dispatchId}`, own])].join(' ');
}

type Liveness = {
  beginRound(): void;
  any(workflowIds: string[]): Promise<boolean>;
  /** Until when one of these counts as alive; 0 where none was found so lately. */
  knownTo(workflowIds: string[]): number;
};

/** Asks after workflows, after each not too often, and not for too long in a round: the others count as alive. */
function createLiveness({
  isAlive,
  askingMs = ASKING_MS,
  now,
}: Pick<Dependencies, 'isAlive' | 'askingMs'> & { now: () => number }): Liveness {
  const aliveUntil = new Map<string, number>();
  let spentMs = 0;
  const knownTo = (ids: string[]) => Math.max(...ids.map((id) => aliveUntil.get(id) ?? 0));
  async function ask(id: string): Promise<boolean> {
    const askedAtMs = performance.now();
    try {
      return await isAlive(id);
    } finally {
      spentMs += performance.now() - askedAtMs;
    }
  }
  return {
    knownTo,
    beginRound() {
      spentMs = 0;
      for (const [id, until] of aliveUntil) if (until + FORGET_MS < now()) aliveUntil.delete(id);
    },
    async any(workflowIds) {
      if (knownTo(workflowIds) >= now()) return true;
      for (const id of workflowIds) {
        if (spentMs >= askingMs) return true;
        if (!(await ask(id))) continue;
        aliveUntil.set(id, now() + ASK_AGAIN_MS);
        return true;
      }
      return false;
    },
  };
}

/**
 * Walks over all events once, in the order in which they came, and then over those that come; what waits in the queue is
 * looked at again until it does not. There is no index of it: nearly all events are there for some milliseconds.
 */
function createWalk({ db, now }: { db: Database; now: () => number }) {
  let after = '';
  let walkedAtMs = now();
  const watched = new Map<string, Overdue>();
  // Beyond what is watched nothing is walked over: the walk waits here.
  const isFull = () => watched.size >= MOST_WATCHED;

  return {
    async next(): Promise<{ overdue: Overdue[]; isLast: boolean }> {
      if (isFull()) return { overdue: [], isLast: true };
      if (now() - walkedAtMs > WALK_AGAIN_MS) {
        after = '';
        walkedAtMs = now();
      }
      const beforeMs = now() - OVERDUE_MS;
      const page = await pageOfQueued(db, { after, beforeMs });
      after = page.last ?? after;
      for (const event of page.overdue) watched.set(event.id, event);
      return page;
    },
    /** Those of an earlier look that are still there, some of them at a time. */
    async again(): Promise<Overdue[]> {
      const [...ids] = watched.keys();
      const some = ids.slice(0, LOOKED_AT_AGAIN);
      if (some.length === 0) return [];
      const still = await stillQueued(db, some);
      // Those looked at go to the end of the line.
      for (const id of some) watched.delete(id);
      for (const event of still) watched.set(event.id, event);
      return still;
    },
  };
}
