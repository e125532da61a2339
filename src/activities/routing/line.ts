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
  const inLanes = events.filter((event) => event.lane !== null);
  for (const [gateId, held] of Map.groupBy(inLanes, (event) => shutGateOf(deps, event))) {
    if (gateId !== null) await deps.line.holdInLane({ gateId, eventIds: held.map(({ id }) => id) });
  }
  // A lane looks after its events itself; a delay is a workflow's timer.
  const others = events.filter((event) => event.lane === null && event.dueAtMs === null);
  for (const [destinationId, group] of Map.groupBy(others, (event) => event.destinationId)) {
    for (const id of await wait(deps, { dispatchId, destinationId, group })) waiting.add(id);
  }
  return events.filter((event) => !waiting.has(event.id));
}

/** The gate that is shut in front of an event; null where none is. */
function shutGateOf({ configuration }: Dependencies, event: RoutedEvent): string | null {
  if (configuration.destination(event.destinationId)?.paused) return event.destinationId;
  return configuration.connection(event.connectionId)?.paused === true ? event.connectionId : null;
}

/** Those of a destination's events that now wait. */
async function wait(
  deps: Dependencies,
  {
    dispatchId,
    destinationId,
    group,
  }: { dispatchId: string; destinationId: string; group: RoutedEvent[] },
): Promise<string[]> {
  const { configuration, line } = deps;
  // What was deleted meanwhile is settled by a delivery.
  if (!configuration.destination(destinationId)) return [];
  const held = group.flatMap((event) => {
    const gateId = shutGateOf(deps, event);
    return gateId === null ? [] : { eventId: event.id, gateId };
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
