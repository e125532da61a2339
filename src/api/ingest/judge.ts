import { DEFAULT_HTTP_METHODS } from '../../domain/schema/source.ts';
import { RejectionCause, RequestKind } from '../../domain/status.ts';
import type { Arrival } from '../../db/requests.ts';
import { acceptedAnswer, answerHeaders, unverifiedAnswer } from '../../verification/answers.ts';
import { answerHandshake } from '../../verification/handshakes.ts';
import { accepted, refusal, tooLarge, type Answer } from './answer.ts';
import type { Arrived } from './arrival.ts';
import { gateOf, type SourceGate } from '../../verification/source-gate.ts';
import { isVerified, pass } from './gate.ts';
import type { IngestOptions } from './options.ts';

/** What is stored of a request, what is done once it is stored, and what its sender is then told. */
export type Judgement = {
  arrival: Arrival;
  afterwards?: () => Promise<void>;
  answer: (requestId: string) => Answer;
};

/** Decides about a request: a handshake, an event to be routed, or one that is kept and goes no further. */
export async function judge(options: IngestOptions, arrived: Arrived): Promise<Judgement> {
  const { found, isTooLarge, received, switches } = arrived;
  const { source } = found;
  const gate = gateOf(source);
  if (isTooLarge) {
    return reject(arrived, RejectionCause.PayloadTooLarge, tooLarge(options.maxBodyBytes));
  }
  const handshake = found.published ? null : greet(options, { arrived, gate });
  if (handshake) return handshake;
  const methods: readonly string[] =
    switches.allowMethods ?? source.config.allowed_http_methods ?? DEFAULT_HTTP_METHODS;
  if (!found.published && !methods.includes(received.method)) {
    const allow = methods.join(', ');
    const message = `This source takes ${allow}.`;
    const reply = refusal('METHOD_NOT_ALLOWED', message, { headers: { allow } });
    return reject(arrived, RejectionCause.UnsupportedHttpMethod, reply);
  }
  if (source.disabled) return reject(arrived, RejectionCause.SourceDisabled, null);
  return verify(options, { arrived, gate });
}

async function verify(
  options: IngestOptions,
  { arrived, gate }: { arrived: Arrived; gate: SourceGate },
): Promise<Judgement> {
  const { found, received, request } = arrived;
  if (found.published) return take(arrived, { verified: true, gate });
  const verdict = await pass(found.source, { received, keys: options.keys });
  switch (verdict.kind) {
    case 'verified':
      return take(arrived, { ...verdict, verified: true, gate });
    case 'unverified':
      return take(arrived, { ...verdict, verified: false, gate });
    case 'deferred':
      return take(arrived, { verified: null, gate });
    case 'refused': {
      const { reason, hint } = verdict.refusal;
      options.log.info(
        { request: request.id, source: request.sourceId, reason, hint },
        'Not verified',
      );
      const reply = unverifiedAnswer(gate.type, gate.config);
      const rejected = reject(arrived, RejectionCause.VerificationFailed, toAnswer(reply, gate));
      rejected.arrival.request.rejectionDetail = { reason, hint: hint ?? null };
      return rejected;
    }
  }
}

function take(
  arrived: Arrived,
  verdict: { verified: boolean | null; gate: SourceGate } & Partial<
    Pick<Arrival, 'idempotency' | 'replay'>
  >,
): Judgement {
  const { gate, verified, idempotency = null, replay = null } = verdict;
  const choice = acceptedAnswer(gate.type, {
    config: gate.config,
    fromUrl: arrived.switches.response,
  });
  const own = toAnswer(choice, gate);
  return {
    arrival: { request: { ...arrived.request, verified }, idempotency, replay },
    answer: (requestId) => own ?? accepted(requestId, answerHeaders(gate.type, gate.config)),
  };
}

function reject(arrived: Arrived, cause: RejectionCause, reply: Answer | null): Judgement {
  const request = { ...arrived.request, rejectionCause: cause };
  return {
    arrival: { request, idempotency: null, replay: null },
    answer: (requestId) => reply ?? accepted(requestId),
  };
}

/** Answers the question a provider asks before it sends events; it is kept like any request, and not routed. */
function greet(
  { keepSecret, confirm, keys }: IngestOptions,
  { arrived, gate }: { arrived: Arrived; gate: SourceGate },
): Judgement | null {
  const { source } = arrived.found;
  const reply = answerHandshake(gate.type, arrived.received, gate.config);
  if (!reply) return null;
  const { status, headers, body, storeSecret, fetch } = reply;
  const request = { ...arrived.request, kind: RequestKind.Handshake };
  return {
    arrival: { request, idempotency: null, replay: null },
    async afterwards() {
      if (storeSecret) await keepSecret(source, storeSecret);
      // Anybody can ask; only the provider's own question is followed.
      const asked = { received: arrived.received, keys };
      if (fetch && (await isVerified(gate, asked))) await confirm(fetch);
    },
    answer: () => ({ status, headers, body }),
  };
}

function toAnswer(
  choice: { status: number; contentType: string; body: string } | null,
  { type, config }: SourceGate,
): Answer | null {
  if (!choice) return null;
  const headers = { 'content-type': choice.contentType, ...answerHeaders(type, config) };
  return { status: choice.status, headers, body: choice.body };
}
