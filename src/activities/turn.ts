import { ParkReason } from '../domain/control.ts';
import { parkEvents } from '../db/parked.ts';
import { PARKED_LOOK_MS, type Open } from './beginning.ts';
import type { DeliveryDependencies } from './delivery.ts';

/** Lets events wait until others have made room at their destination; they keep the place in line they had. */
export async function waitForTurn(
  { db, traffic }: Pick<DeliveryDependencies, 'db' | 'traffic'>,
  {
    workflowId,
    destinationId,
    eventIds,
    place,
  }: { workflowId: string; destinationId: string; eventIds: string[]; place: string | null },
): Promise<Open[]> {
  if (eventIds.length === 0) return [];
  const reason = ParkReason.Turn;
  await parkEvents(db, { workflowId, gateId: destinationId, reason, eventIds, place });
  traffic.admission.turnedAway(destinationId);
  const dueAtMs = Date.now() + PARKED_LOOK_MS;
  return eventIds.map((eventId) => ({ eventId, dueAtMs, parked: true }));
}
