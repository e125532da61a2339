import { gatewayNow } from '../../db/clock.ts';
import type { Dispatch } from '../../domain/delivery.ts';
import { replayScope, type Claimed, type FirstClaim } from '../../db/claims.ts';
import { timeOfId } from '../../db/ids.ts';
import { setBehind } from '../../db/outbox.ts';
import type { Database } from '../../db/pool.ts';
import type { LaterClaim } from '../../db/requests.ts';
import type { DispatchedRequest } from '../../db/routing.ts';
import { RejectionCause } from '../../domain/status.ts';
import type { Draft } from './draft.ts';

type Dependencies = {
  db: Database;
  claim: (claim: FirstClaim) => Promise<Claimed>;
  log: { info(fields: object, message: string): void };
};

/** How a request stands: it is the first with all it claims, it repeats another, or another that is not routed yet. */
type Standing = 'first' | { repeats: string } | { waitsFor: string };

// Whatever is wrong with the first one: it is visible, and this one can be retried.
const LONGEST_WAIT_MS = 600_000;

/**
 * Claims what makes requests the same as others: the sender's own id, a signature. Whoever comes second is rejected
 * where the first made an event; where it made none, the next one is the first. Returns those to go on with, and those
 * that have to wait until others of this dispatch are routed; what waits for another dispatch leaves this one. A retry
 * by hand claims nothing.
 */
export async function divideRepeats(
  { db, claim, log }: Dependencies,
  { dispatch, waiting, draft }: { dispatch: Dispatch; waiting: DispatchedRequest[]; draft: Draft },
): Promise<{ fresh: DispatchedRequest[]; postponed: DispatchedRequest[] }> {
  const standings = await Promise.all(waiting.map((request) => standingOf(claim, request)));
  const fresh: DispatchedRequest[] = [];
  const postponed: DispatchedRequest[] = [];
  const behind: string[] = [];
  const here = new Set(waiting.filter((_, i) => standings[i] === 'first').map(({ id }) => id));
  for (const [i, request] of waiting.entries()) {
    const standing = standings[i]!;
    if (standing === 'first') fresh.push(request);
    else if ('repeats' in standing) reject({ draft, log }, { request, hint: standing.repeats });
    else if (here.has(standing.waitsFor)) postponed.push(request);
    else behind.push(request.id);
  }
  if (behind.length > 0) await setBehind(db, { ...dispatch, requestIds: behind });
  return { fresh, postponed };
}

function reject(
  { draft, log }: { draft: Draft } & Pick<Dependencies, 'log'>,
  { request: { id, sourceId: source }, hint }: { request: DispatchedRequest; hint: string },
): void {
  const reason = RejectionCause.Replayed;
  draft.verdicts.push({ requestId: id, rejectionCause: reason, detail: { reason, hint } });
  log.info({ request: id, source, reason, hint }, 'Repeat rejected');
}

const bySignature = (a: LaterClaim, b: LaterClaim) => Number(b.replay) - Number(a.replay);

async function standingOf(
  claim: Dependencies['claim'],
  { id, sourceId, claims }: DispatchedRequest,
): Promise<Standing> {
  const lateMs = Math.max(0, gatewayNow() - timeOfId(id));
  // The signature first, and the id only by whoever is the first with it: two that share both must not each lose one.
  for (const { hash: key, expiresAtMs, replay } of claims.toSorted(bySignature)) {
    const scope = replay ? replayScope(sourceId) : sourceId;
    // It is remembered for as long as was meant at receipt, however late this is.
    const claimed = await claim({ scope, key, owner: id, expiresAtMs: expiresAtMs + lateMs });
    const { owner } = claimed;
    if (owner === id) continue;
    if (claimed.isOpen && lateMs < LONGEST_WAIT_MS) return { waitsFor: owner };
    const repeats = replay
      ? `${owner} came with this signature before`
      : `${owner} was the first with this id`;
    return { repeats };
  }
  return 'first';
}
