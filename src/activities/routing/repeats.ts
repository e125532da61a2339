import { replayScope, type FirstClaim } from '../../db/claims.ts';
import { gatewayNow } from '../../db/clock.ts';
import { timeOfId } from '../../db/ids.ts';
import type { LaterClaim } from '../../db/requests.ts';
import type { DispatchedRequest } from '../../db/routing.ts';
import { RejectionCause } from '../../domain/status.ts';
import type { Draft } from './draft.ts';

type Dependencies = {
  claim: (claim: FirstClaim) => Promise<string>;
  log: { info(fields: object, message: string): void };
};

/**
 * Claims what makes requests the same as others: the sender's own id, a signature. Whoever comes second is rejected, and
 * the others returned. A retry by hand claims nothing.
 */
export async function rejectRepeats(
  { claim, log }: Dependencies,
  { waiting, draft }: { waiting: DispatchedRequest[]; draft: Draft },
): Promise<DispatchedRequest[]> {
  const hints = await Promise.all(waiting.map((request) => hintOf(claim, request)));
  return waiting.filter(({ id: requestId, sourceId: source }, i) => {
    const hint = hints[i]!;
    if (hint === null) return true;
    const reason = RejectionCause.Replayed;
    draft.verdicts.push({ requestId, rejectionCause: reason, detail: { reason, hint } });
    log.info({ request: requestId, source, reason, hint }, 'Not verified');
    return false;
  });
}

const bySignature = (a: LaterClaim, b: LaterClaim) => Number(b.replay) - Number(a.replay);

/** What a request repeats; null where it is the first. */
async function hintOf(
  claim: Dependencies['claim'],
  { id, sourceId, claims }: DispatchedRequest,
): Promise<string | null> {
  // The signature first, and the id only by whoever is the first with it: two that share both must not each lose one.
  for (const { hash: key, expiresAtMs, replay } of claims.toSorted(bySignature)) {
    const scope = replay ? replayScope(sourceId) : sourceId;
    // It is remembered for as long as was meant at receipt, however late this is.
    const lateMs = Math.max(0, gatewayNow() - timeOfId(id));
    const owner = await claim({ scope, key, owner: id, expiresAtMs: expiresAtMs + lateMs });
    if (owner === id) continue;
    return replay
      ? `${owner} came with this signature before`
      : `${owner} was the first with this id`;
  }
  return null;
}
