import { newId } from '../db/ids.ts';
import { claimSuspects, SUSPECTS_TOGETHER } from '../db/suspects.ts';
import { dispatch } from './dispatch.ts';
import { IDLE_LOOK_MS, type LaneContext } from './lane.ts';
import type { Options } from './options.ts';

// A process that dies of a request again has done something for all others before.
const CALM_MS = 5_000;

/**
 * Claims requests during which a process died, a few at a time and at last alone, one dispatch after the other: what is
 * innocent is told from what is not, and nothing else waits meanwhile.
 */
export async function runSuspectLane(
  options: Options,
  { session, signals }: LaneContext,
): Promise<void> {
  const { database, credits, log } = options;
  const riskyFromMs = performance.now() + CALM_MS;
  while (!signals.stopped()) {
    try {
      const most = await credits.take(SUSPECTS_TOGETHER);
      if (signals.stopped()) return;
      const claim = await claimSuspects(database, {
        dispatchId: newId('dispatch'),
        claimedBy: session.id,
        limit: most,
        risky: performance.now() >= riskyFromMs,
      });
      credits.give(most - claim.requestIds.length);
      if (claim.requestIds.length > 0) await dispatch(options, { claim, signals });
      else await signals.work('suspect', IDLE_LOOK_MS);
    } catch (error) {
      log.warn({ error }, 'Could not claim suspect requests');
      await signals.work('suspect', IDLE_LOOK_MS);
    }
  }
}
