import type { Dispatch } from '../../domain/delivery.ts';
import { deliveryWorkflowId } from '../../domain/workflow-id.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { RoutedEvent } from '../../db/routing.ts';
import type { Line } from '../turn.ts';

type Dependencies = { configuration: Configuration; line: Line };

/**
 * Puts events that cannot be sent now where they wait without a workflow, and returns those that go: each dispatch
 * would start one that only waits. So do those of a gate that is shut, and of a destination that does not answer.
 */
export async function waitInLine(
  deps: Dependencies,
  { dispatch: { dispatchId }, events }: { dispatch: Dispatch; events: RoutedEvent[] },
): Promise<RoutedEvent[]> {
  const waiting = new Set<string>();
  // A lane looks after its events itself; a delay is a workflow's timer.
  const others = events.filter((event) => event.lane === null && event.dueAtMs === null);
  for (const [destinationId, group] of Map.groupBy(others, (event) => event.destinationId)) {
    for (const id of await wait(deps, { dispatchId, destinationId, group })) waiting.add(id);
  }
  return events.filter((event) => !waiting.has(event.id));
}

/** Those of a destination's events that now wait. */
async function wait(
  { configuration, line }: Dependencies,
  {
    dispatchId,
    destinationId,
    group,
  }: { dispatchId: string; destinationId: string; group: RoutedEvent[] },
): Promise<string[]> {
  const destination = configuration.destination(destinationId);
  // What was deleted meanwhile is settled by a delivery.
  if (!destination) return [];
  const held = group.flatMap(({ id: eventId, connectionId }) => {
    if (destination.paused) return { eventId, gateId: destinationId };
    const isShut = configuration.connection(connectionId)?.paused === true;
    return isShut ? { eventId, gateId: connectionId } : [];
  });
  if (held.length > 0) {
    const workflowId = deliveryWorkflowId({ dispatchId, destinationId, part: 'held' });
    return line.hold({ workflowId, held });
  }
  if (!line.mustWait(destinationId)) return [];
  const eventIds = group.map((event) => event.id);
  const workflowId = deliveryWorkflowId({ dispatchId, destinationId });
  await line.join({ workflowId, destinationId, eventIds });
  return eventIds;
}
