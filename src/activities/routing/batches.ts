import type { Dispatch, RoutedBatch, Waiting } from '../../domain/delivery.ts';
import { groupWaiting } from '../../domain/waiting.ts';
import { gatewayNow } from '../../db/clock.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { RoutedEvent } from '../../db/routing.ts';
import type { DestinationPace } from '../destination-pace.ts';

// Wider than this, a request's deliveries no longer make a tree that anybody reads.
const WIDE = 10;

type Dependencies = { configuration: Configuration; pace: DestinationPace; maxBatch: number };

/** Puts the events of a dispatch together by destination, and decides which first attempts run inside the parent. */
export function batchByDestination(
  { configuration, pace, maxBatch }: Dependencies,
  { dispatch, events }: { dispatch: Dispatch; events: RoutedEvent[] },
): RoutedBatch[] {
  // What keeps an order is delivered by the lanes of its connection.
  const groups = [...Map.groupBy(events, (event) => event.lane ?? event.destinationId)];
  // Alone, a request has a workflow of its own and each destination a child: the history reads as a tree.
  const together = maxBatch > 1 && (dispatch.requestIds.length > 1 || groups.length > WIDE);
  return groups.map(([, group]) => {
    const { destinationId, lane } = group[0]!;
    const destination = configuration.destination(destinationId);
    const plain =
      destination !== undefined && !destination.paused && !destination.config.delivery_policy;
    return {
      projectId: destination?.projectId ?? '',
      sourceIds: [],
      destinationId,
      destinationName: destination?.name ?? destinationId,
      waiting: waitingGroups(group),
      ...(lane === null ? {} : { lane }),
      inline:
        lane === null &&
        together &&
        plain &&
        group.every((event) => event.dueAtMs === null) &&
        pace.isFast(destinationId),
    };
  });
}

function waitingGroups(events: RoutedEvent[]): Waiting[] {
  const now = events.filter((event) => event.dueAtMs === null).map((event) => event.id);
  const later = events.flatMap(({ id: eventId, dueAtMs }) =>
    dueAtMs === null ? [] : [{ eventId, dueAtMs }],
  );
  const atOnce = now.length > 0 ? [{ eventIds: now, dueAtMs: 0 }] : [];
  return [...atOnce, ...groupWaiting(later, gatewayNow())];
}
