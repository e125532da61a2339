import { setTimeout as sleep } from 'node:timers/promises';
import { countDispatched, type Claim } from '../db/outbox.ts';
import type { Options } from './options.ts';
import type { Signals } from './signals.ts';

const ROUTED_LOOK_MS = 2_000;
const START_AGAIN_LOOKS = 8;

/** Starts the workflow of a claim, however long Temporal is away, and waits until its requests are routed. */
export async function dispatch(
  { database, configuration, workflows, log }: Options,
  { claim, signals }: { claim: Claim; signals: Signals },
): Promise<void> {
  const { dispatchId, requestIds, verified } = claim;
  const sources = claim.sourceIds.flatMap((id) => configuration.source(id) ?? []);
  const routed = signals.untilRouted(dispatchId);
  const projectId = sources[0]?.projectId ?? '';
  const order = { dispatchId, requestIds, verified, projectId, sources };
  for (let waitMs = 100; !signals.stopped(); waitMs = Math.min(waitMs * 2, 5_000)) {
    try {
      await workflows.startDispatch(order);
      break;
    } catch (error) {
      log.warn({ error, dispatch: dispatchId }, 'Temporal did not accept a dispatch. Trying again');
      await sleep(waitMs);
    }
  }
  for (let looks = 1; !signals.stopped(); looks++) {
    if (await routed.within(ROUTED_LOOK_MS)) return;
    // Another worker may have routed it, or a signal of this process got lost.
    const left = await countDispatched(database, claim).catch(() => 1);
    if (left === 0) return routed.forget();
    // Its workflow may be gone, ended by hand or lost with all that Temporal had; where it runs, it is left alone.
    if (looks % START_AGAIN_LOOKS === 0) {
      await workflows.startDispatch(order).catch((error: unknown) => {
        log.warn({ error, dispatch: dispatchId }, 'Temporal did not accept a dispatch again');
      });
    }
  }
  routed.forget();
}
