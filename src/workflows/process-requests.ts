import { ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { DispatchOrder, RoutedBatch, Waiting } from '../domain/delivery.ts';
import { deliveryWorkflowId } from '../domain/workflow-id.ts';

import { entering, firstAttempts, routing } from './activities.ts';
import { deliverEvents } from './deliver-events.ts';
import { searchAttributes } from './search-attributes.ts';

/** Verifies and routes claimed requests, and sees every event they make on its way to its destination. */
export async function processRequests({
  dispatchId,
  requestIds,
  verified = false,
}: DispatchOrder): Promise<void> {
  const verifying = routing(`Verify ${requests(requestIds)}`);
  const steps = routing(`Route ${requests(requestIds)}: rules in order, then one commit`);

  if (!verified) await verifying.verifyRequests({ dispatchId, requestIds });

  let part = 0;
  for (let left = requestIds; left.length > 0; part++) {
    const { batches, remaining } = await steps.routeRequests({ dispatchId, requestIds: left });
    await Promise.all(batches.map((batch) => deliver(batch, { dispatchId, part })));
    left = remaining;
  }
}

async function deliver(
  batch: RoutedBatch,
  { dispatchId, part }: { dispatchId: string; part: number },
): Promise<void> {
  if (batch.lane !== undefined) {
    const summary = `${events(batch.waiting)} → ${batch.destinationName}, in order`;
    return entering(summary).enterLanes({ connectionIds: [batch.lane] });
  }
  const waiting = batch.inline ? await attemptFirst(batch) : batch.waiting;
  if (waiting.length === 0) return;
  const { destinationId, destinationName } = batch;
  const workflowId = deliveryWorkflowId({ dispatchId, destinationId, part });
  await startChild(deliverEvents, {
    workflowId,
    args: [{ destinationId, destinationName, waiting }],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    typedSearchAttributes: searchAttributes(batch),
    staticSummary: `${events(waiting)} → ${destinationName}`,
  });
}

function attemptFirst({
  destinationId,
  destinationName,
  waiting,
}: RoutedBatch): Promise<Waiting[]> {
  const eventIds = waiting.flatMap((group) => group.eventIds);
  const summary = `${events(waiting)} → ${destinationName}, first attempt`;
  return firstAttempts(summary).attemptInline({ destinationId, eventIds });
}

function requests(ids: string[]): string {
  return ids.length === 1 ? '1 request' : `${ids.length} requests`;
}

function events(waiting: Waiting[]): string {
  const n = waiting.reduce((sum, group) => sum + group.eventIds.length, 0);
  return n === 1 ? '1 event' : `${n} events`;
}
