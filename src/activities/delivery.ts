import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { AttemptOrder, Waiting } from '../domain/delivery.ts';
import { groupWaiting } from '../domain/waiting.ts';
import {
  beginAttempts,
  cancelClosed,
  closeInterrupted,
  type BegunAttempt,
  type Beginning,
} from '../db/attempts.ts';
import type { Database } from '../db/pool.ts';

export type DeliveryActivities = {
  /** Attempts those of these events that may be sent now; returns the ones still open, with when to look again. */
  attemptDeliveries(order: AttemptOrder): Promise<Waiting[]>;
  /** The same within a few seconds: what takes longer goes on by itself and comes back as still open. */
  attemptInline(order: AttemptOrder): Promise<Waiting[]>;
};

/** Makes one attempt and records how it ended; returns when the event is due again, or null when it is settled. */
export type AttemptOnce = (attempt: BegunAttempt, destinationId: string) => Promise<number | null>;

type Dependencies = { db: Database; attemptOnce: AttemptOnce };

type Open = { eventId: string; dueAtMs: number };

const INLINE_MS = 5_000;
const LOOK_AGAIN_MS = 5_000;
const HEARTBEAT_MS = 3_000;
// Woken by signal when the gate opens; this look is for a signal that got lost.
const HELD_LOOK_MS = 6 * 3_600_000;
// No attempt lasts longer: 900 s is the longest timeout a destination can have.
const LONGEST_ATTEMPT_MS = 960_000;
// Bodies are held in memory while they are sent.
const SLICE = 100;

/** One event of an order, and what will be known of it when its attempt is over: empty when it is settled. */
type Attempting = { eventId: string; open: Promise<Open[]> };

export function createDeliveryActivities(deps: Dependencies): DeliveryActivities {
  return {
    async attemptDeliveries(order) {
      const beating = setInterval(() => heartbeat(), HEARTBEAT_MS);
      const open: Open[] = [];
      try {
        for (let from = 0; from < order.eventIds.length; from += SLICE) {
          const eventIds = order.eventIds.slice(from, from + SLICE);
          const attempting = await attemptAll(deps, { ...order, eventIds });
          open.push(...(await Promise.all(attempting.map((event) => event.open))).flat());
        }
      } finally {
        clearInterval(beating);
      }
      return groupWaiting(open, Date.now());
    },
    async attemptInline(order) {
      const attempting = await attemptAll(deps, order);
      return groupWaiting(await withinTime(attempting), Date.now());
    },
  };
}

async function attemptAll(deps: Dependencies, order: AttemptOrder): Promise<Attempting[]> {
  const beginnings = await begin(deps.db, order.eventIds);
  const cancelled = beginnings.filter((found) => found.kind === 'cancelled');
  if (cancelled.length > 0) {
    await cancelClosed(
      deps.db,
      cancelled.map((found) => found.eventId),
    );
  }
  return beginnings.map((found) => follow(deps, { found, destinationId: order.destinationId }));
}

function follow(
  { attemptOnce }: Dependencies,
  { found, destinationId }: { found: Beginning; destinationId: string },
): Attempting {
  const eventId = found.kind === 'begun' ? found.attempt.eventId : found.eventId;
  const lookAt = (dueAtMs: number) => ({ eventId, open: Promise.resolve([{ eventId, dueAtMs }]) });
  switch (found.kind) {
    case 'begun':
      return { eventId, open: attempt(attemptOnce(found.attempt, destinationId), eventId) };
    case 'settled':
    case 'cancelled':
      return { eventId, open: Promise.resolve<Open[]>([]) };
    case 'later':
      return lookAt(found.dueAtMs);
    case 'held':
      return lookAt(Date.now() + HELD_LOOK_MS);
    case 'busy':
      return lookAt(Date.now() + LOOK_AGAIN_MS);
  }
}

async function attempt(dueAt: Promise<number | null>, eventId: string): Promise<Open[]> {
  const dueAtMs = await dueAt;
  return dueAtMs === null ? [] : [{ eventId, dueAtMs }];
}

/** Begins attempts; closes those that a former life of this workflow left open, and begins these events anew. */
async function begin(db: Database, eventIds: string[]): Promise<Beginning[]> {
  const workflowId = activityInfo().workflowExecution?.workflowId ?? '';
  const found = await beginAttempts(db, { eventIds, workflowId, nowMs: Date.now() });
  // Rows that are gone (their day has been dropped) are settled by that.
  const busy = found.filter((event) => event.kind === 'busy').map((event) => event.eventId);
  if (busy.length === 0) return found;
  const closed = await closeInterrupted(db, {
    eventIds: busy,
    workflowId,
    staleMs: LONGEST_ATTEMPT_MS,
  });
  if (closed.length === 0) return found;
  const again = await beginAttempts(db, { eventIds: closed, workflowId, nowMs: Date.now() });
  return [
    ...found.filter((event) => event.kind !== 'busy' || !closed.includes(event.eventId)),
    ...again,
  ];
}

/** What is open after a few seconds at most. An attempt that takes longer goes on and records its outcome by itself. */
async function withinTime(attempting: Attempting[]): Promise<Open[]> {
  const timer = new AbortController();
  const late = sleep(INLINE_MS, undefined, { signal: timer.signal }).catch(() => undefined);
  const found = await Promise.all(
    attempting.map(async ({ eventId, open }) => {
      const known = await Promise.race([open, late]);
      return known ?? [{ eventId, dueAtMs: Date.now() + LOOK_AGAIN_MS }];
    }),
  );
  timer.abort();
  return found.flat();
}
