import type { Dispatch, RoutedBatch } from '../../domain/delivery.ts';
import { deliveryWorkflowId } from '../../domain/workflow-id.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { Line } from '../turn.ts';

/**
 * Puts the events of destinations that cannot take them now in line, and returns the batches that can be delivered.
 * While a destination does not answer, each dispatch would start a workflow for it that only waits.
 */
export async function waitInLine(
  { configuration, line }: { configuration: Configuration; line: Line },
  { dispatch, batches }: { dispatch: Dispatch; batches: RoutedBatch[] },
): Promise<RoutedBatch[]> {
  const { dispatchId } = dispatch;
  const going: RoutedBatch[] = [];
  for (const batch of batches) {
    const { destinationId, lane, waiting } = batch;
    const isHeld = configuration.destination(destinationId)?.paused ?? true;
    const isLater = waiting.some(({ dueAtMs }) => dueAtMs > 0);
    if (lane !== undefined || isHeld || isLater || !line.mustWait(destinationId)) going.push(batch);
    else {
      const eventIds = waiting.flatMap((group) => group.eventIds);
      const workflowId = deliveryWorkflowId({ dispatchId, destinationId });
      await line.join({ workflowId, destinationId, eventIds });
    }
  }
  return going;
}
