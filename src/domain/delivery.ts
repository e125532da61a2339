/** What passes between workflows and activities: ids, order and time, nothing else. */

/** Requests that were claimed together. */
export type Dispatch = { dispatchId: string; requestIds: string[] };

/** What a requests workflow is given; `verified`: every verdict was taken at receipt, and none is left to take. */
export type DispatchOrder = Dispatch & { verified?: boolean };

/**
 * Events of one destination that are due at one time (ms since 1970). `parked`: a row says what they wait for, and
 * whoever ends that wakes the workflow; the time is for a signal that got lost.
 */
export type Waiting = { eventIds: string[]; dueAtMs: number; parked?: true };

/**
 * What routing made for one destination; `inline`: its first attempts may run inside the parent.
 * `lane`: the connection whose order these events keep; its lanes deliver them.
 */
export type RoutedBatch = {
  projectId: string;
  sourceIds: string[];
  destinationId: string;
  destinationName: string;
  waiting: Waiting[];
  inline: boolean;
  lane?: string;
};

/** What `routeRequests` returns; `remaining` requests did not fit into its time budget. */
export type Routing = { batches: RoutedBatch[]; remaining: string[] };

/** What a delivery workflow is about. */
export type Delivery = { destinationId: string; destinationName: string; waiting: Waiting[] };

/** What one call of `attemptDeliveries` is to try; `parked`: some of these events may still have a row that says they wait. */
export type AttemptOrder = { destinationId: string; eventIds: string[]; parked?: true };
