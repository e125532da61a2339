import type { AttemptOrder } from '../domain/delivery.ts';
import { withdrawAttempts, type BegunAttempt } from '../db/attempts.ts';
import { begin, passOver, type Open } from './beginning.ts';
import type { DeliveryDependencies } from './delivery.ts';
import { waitForTurn } from './turn.ts';

// Bodies are held in memory while they are sent.
const SLICE = 100;

/** Attempts events as fast as their destination takes them. While it does not answer, one tries it and the others wait. */
export async function deliverPlain(
  deps: DeliveryDependencies,
  {
    order,
    probe,
    place,
  }: { order: AttemptOrder & { workflowId: string }; probe: boolean; place: string | null },
): Promise<Open[]> {
  const { db, traffic, enterLane } = deps;
  const { destinationId, eventIds, workflowId } = order;
  const open: Open[] = [];
  for (let from = 0; from < eventIds.length;) {
    if (from > 0 && traffic.circuits.state(destinationId).open) {
      open.push(...(await waitForTurn(deps, { ...order, eventIds: eventIds.slice(from), place })));
      return open;
    }
    const probing = probe && from === 0;
    const slice = eventIds.slice(from, from + (probing ? 1 : SLICE));
    from += slice.length;
    const found = await begin(db, { eventIds: slice, workflowId });
    const others = { others: found.others, workflowId, parks: true, enterLane };
    const [passed, flown] = await Promise.all([
      found.others.length > 0 ? passOver(db, others) : [],
      Promise.all(
        found.begun.map((attempt) => flyOne(deps, { attempt, destinationId, probe: probing })),
      ),
    ]);
    open.push(...passed, ...flown.flatMap((flight) => flight.open));
    const grounded = flown.flatMap((flight) => flight.grounded ?? []);
    if (grounded.length > 0) {
      const eventIds = grounded.map((attempt) => attempt.eventId);
      await withdrawAttempts(
        db,
        grounded.map((attempt) => attempt.attemptId),
      );
      open.push(...(await waitForTurn(deps, { ...order, eventIds, place })));
    }
  }
  return open;
}

/** What became of an attempt: its event is open or not, or nothing was sent. */
export type Flight = { open: Open[]; grounded?: BegunAttempt };

/** Sends one attempt when there is a place for it, unless the destination has stopped answering meanwhile. */
export async function flyOne(
  { attemptOnce, traffic }: Pick<DeliveryDependencies, 'attemptOnce' | 'traffic'>,
  {
    attempt,
    destinationId,
    probe,
  }: { attempt: BegunAttempt; destinationId: string; probe: boolean },
): Promise<Flight> {
  await traffic.places.take(destinationId);
  try {
    const { open } = traffic.circuits.state(destinationId);
    if (open && !probe) return { open: [], grounded: attempt };
    const dueAtMs = await attemptOnce(attempt, destinationId);
    return { open: dueAtMs === null ? [] : [{ eventId: attempt.eventId, dueAtMs }] };
  } finally {
    traffic.places.give(destinationId, 1);
  }
}
