import { RequestKind } from '../../domain/status.ts';
import { gatewayNow } from '../../db/clock.ts';
import { answerHandshake } from '../../verification/handshakes.ts';
import type { SourceGate } from '../../verification/source-gate.ts';
import type { Arrived } from './arrival.ts';
import { settled } from './gate.ts';
import type { Judgement } from './judge.ts';
import type { IngestOptions } from './options.ts';
import { withoutSecret } from './redact.ts';

/** Answers the question a provider asks before it sends events; it is kept like any request, and not routed. */
export function greet(
  options: IngestOptions,
  { arrived, gate }: { arrived: Arrived; gate: SourceGate },
): Judgement | null {
  const { source } = arrived.found;
  const takesSecret = (source.setupUntilMs ?? 0) > gatewayNow();
  const reply = answerHandshake(gate.type, arrived.received, gate.config, { takesSecret });
  if (!reply) return null;
  const { status, headers, body, storeSecret, fetch, verified = false } = reply;
  const hint = reply.refusal ?? `the question was answered ${status}`;
  const isRefused = status >= 400;
  const rejectionDetail = isRefused ? { reason: 'HANDSHAKE_REFUSED', hint } : null;
  const asked = storeSecret ? withoutSecret(arrived.request, storeSecret.value) : arrived.request;
  const request = { ...asked, kind: RequestKind.Handshake, verified, rejectionDetail };
  if (isRefused) {
    options.log.info({ request: request.id, source: source.id, status }, 'Handshake refused');
  }
  return {
    arrival: { request, idempotency: null, claims: [] },
    ...(storeSecret && { afterwards: () => options.keepSecret(source, storeSecret) }),
    ...(fetch && { meanwhile: () => follow(options, { arrived, gate, url: fetch }) }),
    answer: () => ({ status, headers, body }),
  };
}

/** Anybody can ask; only the provider's own question is followed. */
async function follow(
  { keys, confirm, noteHandshake, log }: IngestOptions,
  { arrived, gate, url }: { arrived: Arrived; gate: SourceGate; url: string },
): Promise<void> {
  const { received, request } = arrived;
  const requestId = request.id;
  const verdict = await settled(gate, { received, keys });
  if (!verdict.verified) {
    const { reason, hint = null } = verdict;
    log.info({ request: requestId, source: request.sourceId, reason, hint }, 'Not verified');
    return noteHandshake({ requestId, verified: false, detail: { reason, hint } });
  }
  const isConfirmed = await confirm(url);
  const hint = 'the address that confirms the subscription did not answer: ask for another one';
  const detail = isConfirmed ? null : { reason: 'NOT_CONFIRMED', hint };
  return noteHandshake({ requestId, verified: true, detail });
}
