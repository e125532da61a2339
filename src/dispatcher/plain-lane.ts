import { newId } from '../db/ids.ts';
import { claimRequests } from '../db/outbox.ts';
import { dispatch } from './dispatch.ts';
import { GATHER_MS, IDLE_LOOK_MS, untilSince, type LaneContext } from './lane.ts';
import type { Options } from './options.ts';

const MAX_SOURCES = 50;

/** Claims what waits at sources without user code, starts it, waits until it is routed, and claims again. */
export async function runPlainLane(
  options: Options,
  { session, signals }: LaneContext,
): Promise<void> {
  const { database, configuration, log, credits, maxBatch } = options;
  let afterSourceId = '';
  while (!signals.stopped()) {
    try {
      const limit = await credits.take(maxBatch);
      if (signals.stopped()) return;
      const claimedAt = performance.now();
      const claim = await claimRequests(database, {
        dispatchId: newId('dispatch'),
        claimedBy: session.id,
        afterSourceId,
        limit,
        lane: {
          sources: configuration.sourcesWithCode(),
          serves: 'others',
          maxSources: MAX_SOURCES,
        },
      });
      credits.give(limit - claim.requestIds.length);
      if (claim.requestIds.length > 0) {
        const isFull = claim.requestIds.length >= limit || claim.sourceIds.length >= MAX_SOURCES;
        // There is more: one lane wakes the next, so that none looks in vain.
        if (isFull) signals.wakeNext('plain');
        await dispatch(options, { claim, signals });
        // What travels alone, and what waits for room, does not wait for others.
        if (!isFull && claim.requestIds.length > 1) await untilSince(claimedAt, GATHER_MS);
        // Only where some had to be left out does the next round begin behind those that had their turn.
        afterSourceId = isFull ? claim.lastSourceId : '';
      } else if (afterSourceId !== '') afterSourceId = '';
      else await signals.work('plain', IDLE_LOOK_MS);
    } catch (error) {
      log.warn({ error }, 'Could not claim requests');
      await signals.work('plain', IDLE_LOOK_MS);
    }
  }
}
