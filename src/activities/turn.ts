import { ParkReason } from '../domain/control.ts';
import { gatewayNow } from '../db/clock.ts';
import { parkEvents } from '../db/parked.ts';
import { PARKED_LOOK_MS, type Open } from './beginning.ts';
import type { DeliveryDependencies } from './delivery.ts';
import type { DestinationPace } from './destination-pace.ts';

/** Events that go nowhere soon, because others fill their destination or it does not answer, wait without a workflow. */
export type Line = {
  mustWait(destinationId: string): boolean;
  join(order: { workflowId: string; destinationId: string; eventIds: string[] }): Promise<void>;
};

export function createLine({
  db,
  traffic,
  pace,
}: Pick<DeliveryDependencies, 'db' | 'traffic'> & { pace: DestinationPace }): Line {
  const { admission, circuits, places } = traffic;
  return {
    mustWait: (id) =>
      circuits.state(id).open || admission.room(id) <= 0 || places.isFull(id) || pace.isSilent(id),
    async join({ workflowId, destinationId: gateId, eventIds }) {
      const waiting = { workflowId, gateId, reason: ParkReason.Turn, eventIds };
      await parkEvents(db, { ...waiting, place: null, unstarted: true });
      admission.turnedAway(gateId);
    },
  };
}

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
  const dueAtMs = gatewayNow() + PARKED_LOOK_MS;
  return eventIds.map((eventId) => ({ eventId, dueAtMs, parked: true }));
}
