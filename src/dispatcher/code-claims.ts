import type { Claim } from '../db/outbox.ts';
import type { Standing } from '../domain/standing.ts';
import type { BusySources } from './busy-sources.ts';

/** Claims for dispatch what waits at these sources, beginning behind one of them. */
export type ClaimAt = (at: {
  sources: string[];
  afterSourceId: string;
  maxSources: number;
}) => Promise<Claim>;
/** What is claimed, and under which name it takes its share of lanes. */
export type CodeClaim = { claim: Claim; share: string };

// Sources whose code is quick have one share of lanes together.
const QUICK = 'quick';
const MAX_QUICK_SOURCES = 50;
// Code that ran out of its time keeps its lanes for long: these are others' no more, and are few.
const LANES = { unproven: 4, suspect: 2 };

/**
 * Claims what waits at sources with user code: together where their code has shown to be quick, and otherwise one
 * source a claim. One that is slow holds up no other, and however many are, lanes are left for the rest.
 */
export function createCodeClaims({
  claimAt,
  standingOf,
  busy,
}: {
  claimAt: ClaimAt;
  standingOf: (sourceId: string) => Standing;
  busy: Pick<BusySources, 'hasItsShare' | 'lanesFor'>;
}) {
  const nextOf = {
    quick: inTurns(claimAt, MAX_QUICK_SOURCES),
    unproven: inTurns(claimAt, 1),
    suspect: inTurns(claimAt, 1),
  };
  // A lane is what its source has turned out to be meanwhile.
  const lanes = {
    unproven: () => busy.lanesFor((id) => id !== QUICK && standingOf(id) !== 'suspect'),
    suspect: () => busy.lanesFor((id) => id !== QUICK && standingOf(id) === 'suspect'),
  };

  /** The next of these sources that may have another lane, or null where none of them has anything waiting. */
  return async function claimNext(sourcesWithCode: string[]): Promise<CodeClaim | null> {
    const sources = Map.groupBy(sourcesWithCode, standingOf);
    const together = busy.hasItsShare(QUICK) ? null : await nextOf.quick(sources.get('quick'));
    if (together) return { claim: together, share: QUICK };
    for (const standing of ['unproven', 'suspect'] as const) {
      if (lanes[standing]() >= LANES[standing]) continue;
      const free = sources.get(standing)?.filter((id) => !busy.hasItsShare(id));
      const alone = await nextOf[standing](free);
      if (alone) return { claim: alone, share: alone.lastSourceId };
    }
    return null;
  };
}

/** With more sources than one claim takes, each has its turn. */
function inTurns(claimAt: ClaimAt, maxSources: number) {
  let afterSourceId = '';
  return async function next(sources: string[] = []): Promise<Claim | null> {
    if (sources.length === 0) return null;
    let claim = await claimAt({ sources, afterSourceId, maxSources });
    // Behind the last one there is none: the next is the first.
    if (claim.requestIds.length === 0 && afterSourceId !== '') {
      claim = await claimAt({ sources, afterSourceId: '', maxSources });
    }
    afterSourceId = claim.sourceIds.length < maxSources ? '' : claim.lastSourceId;
    return claim.requestIds.length > 0 ? claim : null;
  };
}
