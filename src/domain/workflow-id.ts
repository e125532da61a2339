/** The id of the workflow that routes a dispatch: a second start of the same dispatch meets the first. */
export function requestsWorkflowId(dispatchId: string): string {
  return `requests/${dispatchId}`;
}

/**
 * The id of the workflow that delivers one dispatch's events to one destination. `part` counts the calls routing took;
 * what was held at a gate before it had a workflow goes by itself: the others' may be starting at the same time.
 */
export function deliveryWorkflowId({
  dispatchId,
  destinationId,
  part = 0,
}: {
  dispatchId: string;
  destinationId: string;
  part?: number | 'held';
}): string {
  return `delivery/${dispatchId}/${destinationId}${part === 0 ? '' : `/${part}`}`;
}

/** The destination to which the workflow of this id delivers. */
export function destinationOfDelivery(workflowId: string): string {
  return workflowId.split('/')[2] ?? '';
}
