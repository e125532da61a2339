/** What can be paused. Its row is the gate that attempts look at; its control workflow is the only one that moves it. */
export const GateKind = { Destination: 'destination', Connection: 'connection' } as const;
export type GateKind = (typeof GateKind)[keyof typeof GateKind];

export type Gate = { kind: GateKind; id: string };

/** What a signal asks of a gate. Without a policy, `setDeliveryPolicy` says that the row has a new one. */
export type GateChange =
  | { kind: 'pause'; reason?: string }
  | { kind: 'resume' }
  | { kind: 'setDeliveryPolicy'; policy?: unknown };

/** What a gate is like; `gone`: what it belongs to was deleted. */
export type GateState = {
  paused: boolean;
  pausedAt: string | null;
  reason: string | null;
  epoch: number;
  gone: boolean;
  /** Why the last change was refused. */
  refused: string | null;
};

/**
 * A gate after a change. What a newer worker asks of its workflow stands here, too, and not behind a `patched()`: after a
 * local activity its marker is not always found again in a replay.
 * `waiters`: it has been shut, and events that wait behind it for something else are to be held.
 * `handsOver`: a run whose history has grown long leaves what it has begun to the next.
 */
export type ChangedGate = GateState & { waiters?: true; handsOver?: true };

/** Why a workflow waits for something other than time. */
export const ParkReason = { Paused: 'paused', Turn: 'turn', Pace: 'pace' } as const;
export type ParkReason = (typeof ParkReason)[keyof typeof ParkReason];

/** The id of the workflow that moves a gate. */
export function controlWorkflowId({ kind, id }: Gate): string {
  return `${kind}/${id}`;
}

/** What a signal's input says, whoever wrote it: an object, a plain text for a reason, or nothing. */
export function pauseOf(input: unknown): GateChange {
  const reason =
    typeof input === 'object' && input !== null && 'reason' in input ? input.reason : input;
  return typeof reason === 'string' && reason !== ''
    ? { kind: 'pause', reason: reason.slice(0, 500) }
    : { kind: 'pause' };
}
