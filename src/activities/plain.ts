import type { AttemptOrder } from '../domain/delivery.ts';
import type { BegunAttempt } from '../db/attempts.ts';
import { begin, passOver, type Open } from './beginning.ts';
import type { DeliveryDependencies } from './delivery.ts';
import { createLandings } from './landings.ts';
import { waitForTurn } from './turn.ts';

/** Attempts events as fast as their destination takes them. While it does not answer, one tries it and the others wait. */
export async function deliverPlain(
  deps: DeliveryDependencies,
  {
    order,
    probe,
    place,
  }: { order: AttemptOrder & { workflowId: string }; probe: boolean; place: string | null },
): Promise<Open[]> {
  const { places, circuits, bodySizes, slowStart } = deps.traffic;
  const { destinationId, workflowId } = order;
  const open: Open[] = [];
  const landings = createLandings();
  let left = order.eventIds;
  try {
    while (left.length > 0 && !landings.failed()) {
      const probing = probe && left === order.eventIds;
      const fitting = probing ? 1 : Math.min(bodySizes.most(destinationId), left.length);
      // What is new goes at once: it would soon be a backlog of its own.
      const most = order.parked ? await slowStart.take(destinationId, fitting) : fitting;
      const count = await places.take(destinationId, most);
      if (!probing && circuits.state(destinationId).open) {
        places.give(destinationId, count);
        break;
      }
      const eventIds = left.slice(0, count);
      left = left.slice(count);
      const taken = { destinationId, eventIds, workflowId, parks: true };
      const launched = await launch(deps, taken);
      open.push(...launched.open);
      for (const flight of launched.flights) {
        landings.add(flight.open.then((still) => void open.push(...still)));
      }
      if (probing) await landings.all();
    }
  } finally {
    await landings.all();
  }
  landings.check();
  const parked = await waitForTurn(deps, { ...order, eventIds: left, place });
  return [...open, ...parked];
}

/** An attempt that is being sent, and what is open of its event when it is over. */
export type Flight = { eventId: string; open: Promise<Open[]> };

/**
 * Begins events, as many as there are places taken for them, and sends what has begun; each gives its place back.
 * What is begun is sent at once: nobody's pause or cancellation comes in between.
 */
export async function launch(
  deps: DeliveryDependencies,
  {
    destinationId,
    eventIds,
    workflowId,
    parks,
  }: { destinationId: string; eventIds: string[]; workflowId: string; parks: boolean },
): Promise<{ open: Open[]; flights: Flight[] }> {
  const { db, traffic, enterLane } = deps;
  const { begun, others } = await begin(deps, { eventIds, workflowId }).catch((error: unknown) => {
    traffic.places.give(destinationId, eventIds.length);
    throw error;
  });
  traffic.places.give(destinationId, eventIds.length - begun.length);
  traffic.bodySizes.record(
    destinationId,
    begun.map((attempt) => attempt.body),
  );
  const flights = begun.map((attempt) => fly(deps, { attempt, destinationId }));
  const open =
    others.length > 0 ? await passOver(db, { others, workflowId, parks, enterLane }) : [];
  return { open, flights };
}

function fly(
  { attemptOnce, traffic }: DeliveryDependencies,
  { attempt, destinationId }: { attempt: BegunAttempt; destinationId: string },
): Flight {
  const { eventId } = attempt;
  const open = attemptOnce(attempt, destinationId)
    .then((dueAtMs) => (dueAtMs === null ? [] : [{ eventId, dueAtMs }]))
    .finally(() => traffic.places.give(destinationId, 1));
  // Whoever waits for it hears of it; nobody may.
  open.catch(() => {});
  return { eventId, open };
}
