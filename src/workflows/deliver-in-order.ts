import { condition, continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import { draining } from './activities.ts';
import { wake } from './signals.ts';

/** Delivers a connection's events in order, key by key; ends when its lanes are empty, and is started again by the next event. */
export async function deliverInOrder({ connectionId }: { connectionId: string }): Promise<void> {
  let woken = true;
  setHandler(wake, () => {
    woken = true;
  });

  for (let round = 1; ; round++) {
    woken = false;
    const summary = `Lanes of ${connectionId}, round ${round}`;
    const { lookAtMs } = await draining(summary).drainLanes({ connectionId });
    if (lookAtMs === null && !woken) return;
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof deliverInOrder>({ connectionId });
    }
    const waitMs = (lookAtMs ?? 0) - Date.now();
    if (woken || waitMs <= 0) continue;
    const at = new Date(lookAtMs ?? 0).toISOString();
    await condition(() => woken, waitMs, { summary: `The first of those that wait is due ${at}` });
  }
}
