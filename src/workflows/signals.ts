import { defineSignal } from '@temporalio/workflow';

/** Look at once: something about these events changed (a retry, a cancellation, a gate that opened). */
export const wake = defineSignal('wake');
