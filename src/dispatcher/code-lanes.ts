import { newId } from '../db/ids.ts';
import { claimRequests } from '../db/outbox.ts';
import { createBusySources } from './busy-sources.ts';
import { createCodeClaims, type ClaimAt, type CodeClaim } from './code-claims.ts';
import { dispatch } from './dispatch.ts';
import { GATHER_MS, IDLE_LOOK_MS, untilSince, type LaneContext } from './lane.ts';
import type { Options } from './options.ts';

// A source that turns out to be slow leaves its lanes to others while it still has its own: this bounds the sum.
const MOST_LANES = 40;
const LANES_PER_SOURCE = 2;
const BATCH = 50;
// User code may take its time: a lane that is at it for so long is not waited for.
const PATIENCE_MS = 200;

/**
 * Claims what waits at sources with user code. Looks for work in rounds, however many lanes are busy, so that what
 * comes between two rounds goes together.
 */
export async function runCodeLanes(options: Options, context: LaneContext): Promise<void> {
  const { configuration, log } = options;
  const { signals } = context;
  const lanes = createLanes(options, context);
  while (!signals.stopped()) {
    const beganAt = performance.now();
    try {
      if (configuration.sourcesWithCode().length > 0) await lanes.fill();
    } catch (error) {
      log.warn({ error }, 'Could not claim requests');
    }
    await signals.work('code', lanes.anyBusy() ? PATIENCE_MS : IDLE_LOOK_MS);
    // What comes alone waits for nothing.
    await untilSince(beganAt, GATHER_MS);
  }
  await lanes.allEnded();
}

function createLanes(options: Options, { session, signals }: LaneContext) {
  const { database, configuration, standingOf, credits, log } = options;
  const limit = Math.min(options.maxBatch, BATCH);
  const busy = createBusySources({ lanesPerSource: LANES_PER_SOURCE, patienceMs: PATIENCE_MS });
  const lanes = new Set<Promise<void>>();
  const claimAt: ClaimAt = async ({ afterSourceId, ...lane }) => {
    const most = await credits.take(limit);
    const claim = await claimRequests(database, {
      dispatchId: newId('dispatch'),
      claimedBy: session.id,
      afterSourceId,
      limit: most,
      lane: { ...lane, serves: 'these' },
    });
    credits.give(most - claim.requestIds.length);
    return claim;
  };
  const claimNext = createCodeClaims({ claimAt, standingOf, busy });

  async function run({ claim, share }: CodeClaim): Promise<void> {
    const leave = busy.enter(share, { isFull: claim.requestIds.length >= limit });
    await dispatch(options, { claim, signals }).finally(leave);
  }

  return {
    anyBusy: busy.any,
    allEnded: () => Promise.all(lanes),
    /** Gives work to lanes that are free until there is none of the one or the other. */
    async fill(): Promise<void> {
      while (lanes.size < MOST_LANES && !signals.stopped()) {
        const next = await claimNext(configuration.sourcesWithCode());
        if (next === null) return;
        const lane = run(next)
          .catch((error: unknown) => log.warn({ error }, 'A dispatch could not be seen through'))
          .finally(() => {
            lanes.delete(lane);
            // Its source may have more, or another one no lane as yet.
            signals.wakeNext('code');
          });
        lanes.add(lane);
      }
    },
  };
}
