import { defineQuery, defineSignal } from '@temporalio/workflow';
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

/** Take this delivery policy for the destination; without input, look at the one it has been given. */
export const setDeliveryPolicy = defineSignal<[unknown]>('setDeliveryPolicy');

/** What the gate is like, and which changes have not been applied yet. */
export const state = defineQuery<GateState & { pending: number }>('state');
