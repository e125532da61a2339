import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { AttemptOrder, Waiting } from '../domain/delivery.ts';
import type { BegunAttempt } from '../db/attempts.ts';
import type { Configuration } from '../db/configuration-cache.ts';
import { clearParked } from '../db/parked.ts';
import type { Database } from '../db/pool.ts';
import { groupWaiting } from '../domain/waiting.ts';
import { begin, passOver, type Open } from './beginning.ts';
import { deliverPaced } from './paced.ts';
import { deliverPlain, flyOne } from './plain.ts';
import type { Traffic } from './traffic.ts';
import { waitForTurn } from './turn.ts';

export type DeliveryActivities = {
  /** Attempts those of these events that may be sent now; returns the ones still open, with when to look again. */
  attemptDeliveries(order: AttemptOrder): Promise<Waiting[]>;
  /** The same within a few seconds: what takes longer goes on by itself and comes back as still open. */
  attemptInline(order: AttemptOrder): Promise<Waiting[]>;
};

/** Makes one attempt and records how it ended; returns when the event is due again, or null when it is settled. */
export type AttemptOnce = (attempt: BegunAttempt, destinationId: string) => Promise<number | null>;

export type DeliveryDependencies = {
  db: Database;
  configuration: Configuration;
  attemptOnce: AttemptOnce;
  traffic: Traffic;
  /** Events of these connections go in order: their lanes take them on. */
  enterLane: (connectionIds: string[]) => Promise<void>;
};

const INLINE_MS = 5_000;
const LOOK_AGAIN_MS = 5_000;
const HEARTBEAT_MS = 3_000;
// Where few requests may be open at once, few deliveries need to be at work.
const AT_WORK_WHERE_CONCURRENT = 8;

export function createDeliveryActivities(deps: DeliveryDependencies): DeliveryActivities {
  return {
    async attemptDeliveries(order) {
      const beating = setInterval(() => heartbeat(), HEARTBEAT_MS);
      try {
        const open = await deliver(deps, { ...order, workflowId: workflowId() });
        return groupWaiting(open, Date.now());
      } finally {
        clearInterval(beating);
      }
    },
    async attemptInline({ destinationId, eventIds }) {
      const attempting = await attemptInline(deps, { destinationId, eventIds });
      return groupWaiting(await withinTime(attempting), Date.now());
    },
  };
}

/** One look of a delivery at what is due: in its turn, by its destination's pace. */
async function deliver(
  deps: DeliveryDependencies,
  order: AttemptOrder & { workflowId: string },
): Promise<Open[]> {
  const { admission } = deps.traffic;
  const { destinationId } = order;
  const place = order.parked ? await clearParked(deps.db, order) : null;
  const policy = deps.configuration.destination(destinationId)?.config.delivery_policy;
  const admitted = admission.enter(
    destinationId,
    policy?.period === 'concurrent' ? { most: AT_WORK_WHERE_CONCURRENT } : {},
  );
  if (!admitted) return waitForTurn(deps, { ...order, place });
  // It may not have been alone in line.
  if (place !== null) admission.turnedAway(destinationId);
  try {
    return policy
      ? await deliverPaced(deps, { order, policy, place })
      : await deliverPlain(deps, { order, probe: admitted.probe, place });
  } finally {
    admitted.leave();
  }
}

/** One event of an inline order, and what will be known of it when its attempt is over: empty when it is settled. */
type Attempting = { eventId: string; open: Promise<Open[]> };

async function attemptInline(
  deps: DeliveryDependencies,
  { destinationId, eventIds }: AttemptOrder,
): Promise<Attempting[]> {
  const found = await begin(deps.db, { eventIds, workflowId: workflowId() });
  const passed = await passOver(deps.db, {
    others: found.others,
    workflowId: workflowId(),
    // This workflow does not wait: a child goes on, and can be woken.
    parks: false,
    enterLane: deps.enterLane,
  });
  return [
    ...passed.map((open) => ({ eventId: open.eventId, open: Promise.resolve([open]) })),
    ...found.begun.map((attempt) => ({
      eventId: attempt.eventId,
      open: flyOne(deps, { attempt, destinationId, probe: true }).then(({ open }) => open),
    })),
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

function workflowId(): string {
  return activityInfo().workflowExecution?.workflowId ?? '';
}
