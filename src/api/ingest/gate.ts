import { createHash } from 'node:crypto';
import type { Source } from '../../db/configuration.ts';
import type { OnceKey } from '../../db/requests.ts';
import { defaultIdempotencyKey } from '../../verification/compile.ts';
import { withDecodedBody } from '../../verification/decoding.ts';
import type { Received } from '../../verification/received.ts';
import { gateOf, type SourceGate } from '../../verification/source-gate.ts';
import type { Refused, Verdict } from '../../verification/verdict.ts';
import type { Keys, Verifier } from '../../verification/verifier.ts';
import { idempotencyText } from './idempotency.ts';

/** How a request stands after verification; `deferred` is settled before it is routed. */
export type GateVerdict =
  | { kind: 'verified'; replay: OnceKey | null; idempotency: OnceKey | null }
  | { kind: 'unverified'; idempotency: OnceKey | null }
  | { kind: 'deferred' }
  | { kind: 'refused'; refusal: Refused };

const KEPT_MS = 24 * 3_600_000;
const DEFAULT_TOLERANCE_S = 300;
const SETTLE_WITHIN_MS = 1_000;

/** Takes the verdict on a request: over the raw bytes, at the time of receipt. */
export async function pass(
  source: Source,
  { received, keys }: { received: Received; keys: Keys },
): Promise<GateVerdict> {
  const gate = gateOf(source);
  const whole = withDecodedBody(received);
  if (!gate.verifier) {
    return { kind: 'unverified', idempotency: idempotency(source, { received: whole }) };
  }
  const verdict = await take(gate.verifier, { received: whole, keys });
  if ('deferred' in verdict) return { kind: 'deferred' };
  if (!verdict.verified) return { kind: 'refused', refusal: verdict };
  const tolerance = Number(gate.config.auth?.['tolerance_seconds'] ?? DEFAULT_TOLERANCE_S);
  const replayUntilMs = received.receivedAtMs + Math.max(600, 2 * tolerance) * 1_000;
  return {
    kind: 'verified',
    replay: verdict.replayKey ? once(verdict.replayKey, replayUntilMs) : null,
    idempotency: idempotency(source, { received: whole, providers: verdict.idempotencyKey }),
  };
}

/** Whether a request passes, however long that takes to find out. */
export async function isVerified(
  { verifier }: SourceGate,
  { received, keys }: { received: Received; keys: Keys },
): Promise<boolean> {
  const whole = withDecodedBody(received);
  const verdict = verifier?.verify(whole);
  if (!verdict) return false;
  if (!('deferred' in verdict)) return verdict.verified;
  return (await verifier?.settle?.(whole, keys))?.verified ?? false;
}

/** Asks the network only where the provider's protocol wants the verdict in the answer, and then not for long. */
async function take(
  verifier: Verifier,
  { received, keys }: { received: Received; keys: Keys },
): Promise<Verdict> {
  const verdict = verifier.verify(received);
  if (!('deferred' in verdict) || !verifier.inline || !verifier.settle) return verdict;
  const late = Promise.withResolvers<Verdict>();
  const timer = setTimeout(() => late.resolve({ deferred: true }), SETTLE_WITHIN_MS);
  return Promise.race([verifier.settle(received, keys), late.promise]).finally(() =>
    clearTimeout(timer),
  );
}

/** The key that makes a delivery the same delivery: where the source says, else the provider's own; null switches it off. */
function idempotency(
  source: Source,
  { received, providers }: { received: Received; providers?: string | undefined },
): OnceKey | null {
  const path = source.config.idempotency_key;
  if (path === null) return null;
  const { type, config } = gateOf(source);
  const text = path
    ? idempotencyText(path, received)
    : (providers ?? defaultIdempotencyKey(type, { received, authType: config.auth_type ?? null }));
  return text ? once(text, received.receivedAtMs + KEPT_MS) : null;
}

function once(text: string, expiresAtMs: number): OnceKey {
  return { hash: createHash('sha256').update(text).digest(), expiresAtMs };
}
