import { createOpener } from '../../verification/opening.ts';
import { candidatesOf, type Received } from '../../verification/received.ts';
import {
  onceKeys,
  schemaDetail,
  type OnceKeys,
  type SchemaDetail,
  type SourceGate,
} from '../../verification/source-gate.ts';
import {
  isDeferred,
  refused,
  VerificationReason,
  type Refused,
  type Settled,
  type Verdict,
} from '../../verification/verdict.ts';
import type { Keys, Verifier } from '../../verification/verifier.ts';

/** What is known of a request that is let in: what makes it the same as another one, and what its body is not. */
export type Passed = OnceKeys & { detail: SchemaDetail | null };

/** How a request stands after verification; `deferred` is settled before it is routed. */
export type GateVerdict =
  | ({ kind: 'verified' | 'unverified' } & Passed)
  | { kind: 'deferred' }
  | { kind: 'refused'; refusal: Refused };

type Judged = { received: Received; keys: Keys };

const SETTLE_WITHIN_MS = 1_000;

// One for the process, as its thread pool is. Those that wait hold some MiB each, and their senders wait with them.
const open = createOpener({ atOnce: 2, mostWaiting: 16 });

/**
 * Takes the verdict on a request: over the raw bytes, at the time of receipt. Where too many large bodies wait to be
 * decoded it is deferred, and asked to be taken where nobody waits for it.
 */
export function pass(gate: SourceGate, { received, keys }: Judged): Promise<GateVerdict> {
  return open(received, (opened) => passOpened(gate, { received: opened, keys }), {
    whenFull: () => ({ kind: 'deferred' }),
  });
}

async function passOpened(gate: SourceGate, { received, keys }: Judged): Promise<GateVerdict> {
  if (!gate.verifier) return { kind: 'unverified', ...passed(gate, { received, verdict: null }) };
  const verdict = await takeAny(gate.verifier, { received, keys });
  if (isDeferred(verdict)) return { kind: 'deferred' };
  if (!verdict.verified) return { kind: 'refused', refusal: verdict };
  return { kind: 'verified', ...passed(gate, { received, verdict }) };
}

/** Lets a request in that needs no verdict. */
export function passPublished(gate: SourceGate, received: Received): Promise<Passed> {
  return open(received, (opened) => passed(gate, { received: opened, verdict: null }));
}

function passed(
  gate: SourceGate,
  { received, verdict }: { received: Received; verdict: Verdict | null },
): Passed {
  return { ...onceKeys(gate, { received, verdict }), detail: schemaDetail(gate, received) };
}

/** The verdict on a handshake, however long that takes to find out. */
export function settled({ verifier }: SourceGate, { received, keys }: Judged): Promise<Settled> {
  return open(received, async (opened) => {
    const soon = verifier?.verify(opened);
    const final = soon && isDeferred(soon) ? await verifier?.settle?.(opened, keys) : soon;
    return final && !isDeferred(final) ? final : refused(VerificationReason.MALFORMED);
  });
}

/** The first verdict that is no refusal; of refusals the first. */
async function takeAny(verifier: Verifier, { received, keys }: Judged): Promise<Verdict> {
  let first: Verdict | undefined;
  for (const candidate of candidatesOf(received)) {
    const verdict = await take(verifier, { received: candidate, keys });
    if (isDeferred(verdict) || verdict.verified) return verdict;
    first ??= verdict;
  }
  return first!;
}

/** Asks the network only where the provider's protocol wants the verdict in the answer, and then not for long. */
async function take(verifier: Verifier, { received, keys }: Judged): Promise<Verdict> {
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
