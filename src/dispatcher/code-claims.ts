import type { Claim } from '../db/outbox.ts';

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

/**
 * Claims what waits at sources with user code: together where their code has shown to be quick, and otherwise one
 * source a claim, so that one that is slow holds up no other.
 */
export function createCodeClaims({
  claimAt,
  isQuick,
  hasItsShare,
}: {
  claimAt: ClaimAt;
  isQuick: (sourceId: string) => boolean;
  hasItsShare: (share: string) => boolean;
}) {
  const nextQuick = inTurns(claimAt, MAX_QUICK_SOURCES);
  const nextOther = inTurns(claimAt, 1);

  /** The next of these sources that may have another lane, or null where none of them has anything waiting. */
  return async function claimNext(sourcesWithCode: string[]): Promise<CodeClaim | null> {
    const quick: string[] = [];
    const others: string[] = [];
    for (const id of sourcesWithCode) (isQuick(id) ? quick : others).push(id);
    const together = hasItsShare(QUICK) ? null : await nextQuick(quick);
    if (together) return { claim: together, share: QUICK };
    const alone = await nextOther(others.filter((id) => !hasItsShare(id)));
    return alone && { claim: alone, share: alone.lastSourceId };
  };
}

/** With more sources than one claim takes, each has its turn. */
function inTurns(claimAt: ClaimAt, maxSources: number) {
  let afterSourceId = '';
  return async function next(sources: string[]): Promise<Claim | null> {
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
