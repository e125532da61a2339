/** The id of the workflow that routes a dispatch: a second start of the same dispatch meets the first. */
export function requestsWorkflowId(dispatchId: string): string {
  return `requests/${dispatchId}`;
}

/** The id of the workflow that delivers one dispatch's events to one destination; `part` counts the calls routing took. */
export function deliveryWorkflowId({
  dispatchId,
  destinationId,
  part = 0,
}: {
  dispatchId: string;
  destinationId: string;
  part?: number;
}): string {
  return `delivery/${dispatchId}/${destinationId}${part === 0 ? '' : `/${part}`}`;
}
