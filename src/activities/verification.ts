import type { Dispatch } from '../domain/delivery.ts';
import { RejectionCause } from '../domain/status.ts';
import type { Configuration } from '../db/configuration-cache.ts';
import { timeOfId } from '../db/ids.ts';
import type { Database } from '../db/pool.ts';
import {
  listUnverified,
  settleVerdicts,
  type LateVerdict,
  type UnverifiedRequest,
} from '../db/verdicts.ts';
import { withDecodedBody } from '../verification/decoding.ts';
import { gateOf } from '../verification/source-gate.ts';
import type { Refused, Verdict } from '../verification/verdict.ts';
import type { Keys } from '../verification/verifier.ts';

export type VerificationActivities = {
  /** Takes the verdicts that could not be taken when the requests arrived; those refused go no further. */
  verifyRequests(dispatch: Dispatch): Promise<void>;
};

type Dependencies = {
  db: Database;
  configuration: Configuration;
  keys: Keys;
  /** What source URLs begin with, without a slash at the end. */
  publicUrl: string;
};

export function createVerificationActivities(deps: Dependencies): VerificationActivities {
  return {
    async verifyRequests(dispatch) {
      const waiting = await listUnverified(deps.db, dispatch);
      const verdicts = await Promise.all(waiting.map((request) => judge(deps, request)));
      await settleVerdicts(deps.db, verdicts);
    },
  };
}

async function judge(deps: Dependencies, request: UnverifiedRequest): Promise<LateVerdict> {
  const verdict = await take(deps, request);
  if (verdict === null || verdict.verified) {
    return { requestId: request.id, cause: null, detail: null };
  }
  const detail = { reason: verdict.reason, hint: verdict.hint ?? null };
  return { requestId: request.id, cause: RejectionCause.VerificationFailed, detail };
}

/** The verdict as of the time of receipt; null where the source demands none (any more). */
async function take(
  { configuration, keys, publicUrl }: Dependencies,
  { id, sourceId, method, path, query, headers, body }: UnverifiedRequest,
): Promise<Exclude<Verdict, { deferred: true }> | Refused | null> {
  const source = configuration.source(sourceId);
  const verifier = source ? gateOf(source).verifier : null;
  if (!verifier) return null;
  const received = withDecodedBody({
    method,
    url: `${publicUrl}/in/${sourceId}${path}${query ? `?${query}` : ''}`,
    path,
    rawQuery: query,
    headers,
    body,
    receivedAtMs: timeOfId(id),
  });
  const verdict = verifier.verify(received);
  if (!('deferred' in verdict)) return verdict;
  return verifier.settle ? verifier.settle(received, keys) : null;
}
