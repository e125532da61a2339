import type { Dispatch } from '../../domain/delivery.ts';
import { deliveryWorkflowId } from '../../domain/workflow-id.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { RoutedEvent } from '../../db/routing.ts';
import type { Line } from '../turn.ts';

type Dependencies = { configuration: Configuration; line: Line };

/**
 * Puts events that cannot be sent now where they wait without a workflow, and returns those that go: each dispatch
 * would start one that only waits. So do those that are held, and those of a destination that does not answer.
 */
export async function waitInLine(
  { configuration, line }: Dependencies,
  { dispatch: { dispatchId }, events }: { dispatch: Dispatch; events: RoutedEvent[] },
): Promise<RoutedEvent[]> {
  const waiting = new Set<string>();
  // What is held has been parked; a lane looks after its events itself; a delay is a workflow's timer.
  const others = events.filter(
    (event) => !event.isHeld && event.lane === null && event.dueAtMs === null,
  );
  for (const [destinationId, group] of Map.groupBy(others, (event) => event.destinationId)) {
    // What was deleted meanwhile is settled by a delivery.
    if (!configuration.destination(destinationId) || !line.mustWait(destinationId)) continue;
    const eventIds = group.map((event) => event.id);
    const workflowId = deliveryWorkflowId({ dispatchId, destinationId });
    await line.join({ workflowId, destinationId, eventIds });
    for (const id of eventIds) waiting.add(id);
  }
  return events.filter((event) => !waiting.has(event.id) && (!event.isHeld || event.lane !== null));
}
