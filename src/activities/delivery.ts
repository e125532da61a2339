import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { AttemptOrder, Waiting } from '../domain/delivery.ts';
import type { BegunAttempt } from '../db/attempts.ts';
import { gatewayNow } from '../db/clock.ts';
import type { Configuration } from '../db/configuration-cache.ts';
import { clearParked } from '../db/parked.ts';
import type { Database } from '../db/pool.ts';
import { temporalAheadMs, waitingOf, type Open } from './beginning.ts';
import { deliverPaced } from './paced.ts';
import { deliverPlain, launch, type Flight } from './plain.ts';
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
// Where a pace or a few open requests are all that is allowed, few deliveries need to be at work.
const AT_WORK_WHERE_LIMITED = 8;

export function createDeliveryActivities(deps: DeliveryDependencies): DeliveryActivities {
  return {
    async attemptDeliveries(order) {
      const aheadMs = temporalAheadMs();
      const beating = setInterval(() => heartbeat(), HEARTBEAT_MS);
      try {
        const open = await deliver(deps, { ...order, workflowId: workflowId() });
        return waitingOf(open, aheadMs);
      } finally {
        clearInterval(beating);
      }
    },
    async attemptInline({ destinationId, eventIds }) {
      // A local activity: it begins by this machine's clock, which says nothing of Temporal's.
      return waitingOf(await attemptInline(deps, { destinationId, eventIds }), 0);
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
  const admitted = admission.enter(destinationId, policy ? { most: AT_WORK_WHERE_LIMITED } : {});
  if (!admitted) return waitForTurn(deps, { ...order, place });
  // It may not have been alone in line.
  if (place !== null) admission.turnedAway(destinationId);
  try {
    return policy
      ? await deliverPaced(deps, { order, place })
      : await deliverPlain(deps, { order, probe: admitted.probe, place });
  } finally {
    admitted.leave();
  }
}

/**
 * Sends as many as find a place within a few seconds, and waits no longer. An attempt that takes longer goes on and
 * records its outcome by itself; what found no place is open, and has not been begun.
 */
async function attemptInline(
  deps: DeliveryDependencies,
  { destinationId, eventIds }: AttemptOrder,
): Promise<Open[]> {
  const timer = new AbortController();
  const late = sleep(INLINE_MS, 'late' as const, { signal: timer.signal });
  late.catch(() => {});
  const { places, bodySizes } = deps.traffic;
  const open: Open[] = [];
  const flights: Flight[] = [];
  let left = eventIds;
  try {
    while (left.length > 0) {
      const most = Math.min(bodySizes.most(destinationId), left.length);
      const taking = places.take(destinationId, most);
      const count = await Promise.race([taking, late]);
      if (count === 'late') {
        // Its place comes later, to be given to the next.
        taking.then((taken) => places.give(destinationId, taken)).catch(() => {});
        break;
      }
      const taken = left.slice(0, count);
      left = left.slice(count);
      // This workflow does not wait: a child goes on, and can be woken.
      const order = { destinationId, eventIds: taken, workflowId: workflowId(), parks: false };
      const launched = await launch(deps, order);
      open.push(...launched.open);
      flights.push(...launched.flights);
    }
    const nowMs = gatewayNow();
    open.push(...left.map((eventId) => ({ eventId, dueAtMs: nowMs })));
    const known = await Promise.all(flights.map((flight) => withinTime(flight, late)));
    return [...open, ...known.flat()];
  } finally {
    timer.abort();
  }
}

/** What is open of an event, or that it is still under way. */
async function withinTime({ eventId, open }: Flight, late: Promise<'late'>): Promise<Open[]> {
  const known = await Promise.race([open, late]);
  return known === 'late' ? [{ eventId, dueAtMs: gatewayNow() + LOOK_AGAIN_MS }] : known;
}

function workflowId(): string {
  return activityInfo().workflowExecution?.workflowId ?? '';
}
