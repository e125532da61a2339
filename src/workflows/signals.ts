import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { GateState } from '../domain/control.ts';

/**
 * Look at once: something about your events changed (a cancellation, a gate that opened); take these on as well.
 * Without events: look at all you have.
 */
export const wake = defineSignal<[{ eventIds: string[] }]>('wake');

/** Shut the gate: what comes from now on is held. The input is a reason, or nothing. */
export const pause = defineSignal<[unknown]>('pause');

/** Open the gate, and wake what waits at it. */
export const resume = defineSignal('resume');

/** The same as `resume`, under the name of the API's route. */
export const unpause = defineSignal('unpause');

/** Take this delivery policy for the destination; without input, look at the one it has been given. */
export const setDeliveryPolicy = defineSignal<[unknown]>('setDeliveryPolicy');

/** What a gate's workflow knows about it without asking PostgreSQL, which a query may not do. */
export type ShownGate = GateState & {
  /** How many signals have arrived whose change is not applied yet. */
  pendingChanges: number;
  /** The latest signals that have no meaning here. */
  unknownSignals: string[];
  /** Where to read how many events are held. */
  held: string;
};
export const state = defineQuery<ShownGate>('state');

/** How many events of the gate are held, counted in PostgreSQL when it is asked. */
export const count = defineUpdate<{ held: number }>('count');
