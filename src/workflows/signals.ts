import { defineSignal } from '@temporalio/workflow';

/** Look at once: something about your events changed (a cancellation, a gate that opened); take these on as well. */
export const wake = defineSignal<[{ eventIds: string[] }]>('wake');
