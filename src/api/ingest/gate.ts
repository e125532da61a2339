import type { Received } from '../../verification/received.ts';
import { onceKeys, type OnceKeys, type SourceGate } from '../../verification/source-gate.ts';
import {
  isDeferred,
  refused,
  VerificationReason,
  type Refused,
  type Settled,
  type Verdict,
} from '../../verification/verdict.ts';
import type { Keys, Verifier } from '../../verification/verifier.ts';

/** How a request stands after verification; `deferred` is settled before it is routed. */
export type GateVerdict =
  | ({ kind: 'verified' | 'unverified' } & OnceKeys)
  | { kind: 'deferred' }
  | { kind: 'refused'; refusal: Refused };

const SETTLE_WITHIN_MS = 1_000;

/** Takes the verdict on a request: over the raw bytes, at the time of receipt. */
export async function pass(
  gate: SourceGate,
  { received, keys }: { received: Received; keys: Keys },
): Promise<GateVerdict> {
  if (!gate.verifier) return { kind: 'unverified', ...onceKeys(gate, { received, verdict: null }) };
  const verdict = await take(gate.verifier, { received, keys });
  if (isDeferred(verdict)) return { kind: 'deferred' };
  if (!verdict.verified) return { kind: 'refused', refusal: verdict };
  return { kind: 'verified', ...onceKeys(gate, { received, verdict }) };
}

/** The verdict on a handshake, however long that takes to find out. */
export async function settled(
  { verifier }: SourceGate,
  { received, keys }: { received: Received; keys: Keys },
): Promise<Settled> {
  const soon = verifier?.verify(received);
  const final = soon && isDeferred(soon) ? await verifier?.settle?.(received, keys) : soon;
  return final && !isDeferred(final) ? final : refused(VerificationReason.MALFORMED);
}

/** Asks the network only where the provider's protocol wants the verdict in the answer, and then not for long. */
async function take(
  verifier: Verifier,
  { received, keys }: { received: Received; keys: Keys },
): Promise<Verdict> {
  const verdict = verifier.verify(received);
  if (!isDeferred(verdict) || !verifier.settle) return verdict;
  const isLocal = verdict.local === true;
  if (!isLocal && !verifier.inline) return verdict;
  const settling = verifier.settle(received, keys);
  const soon = await (isLocal ? settling : within(SETTLE_WITHIN_MS, settling));
  // A key server that is away says nothing about the request.
  const isOutage =
    !isDeferred(soon) && !soon.verified && soon.reason === VerificationReason.KEY_UNAVAILABLE;
  return isOutage ? { deferred: true } : soon;
}

async function within(ms: number, settling: Promise<Settled>): Promise<Verdict> {
  const late = Promise.withResolvers<Verdict>();
  const timer = setTimeout(() => late.resolve({ deferred: true }), ms);
  const soon = await Promise.race([settling, late.promise]);
  clearTimeout(timer);
  return soon;
}
