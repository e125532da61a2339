import { DEFAULT_HTTP_METHODS } from '../../domain/schema/source.ts';
import { RejectionCause } from '../../domain/status.ts';
import type { Arrival, NewRequest } from '../../db/requests.ts';
import { acceptedAnswer, answerHeaders } from '../../verification/answers.ts';
import { gateOf, type OnceKeys, type SourceGate } from '../../verification/source-gate.ts';
import { accepted, refusal, tooLarge, type Answer } from './answer.ts';
import type { Arrived } from './arrival.ts';
import { pass, passPublished, type GateVerdict, type Passed } from './gate.ts';
import { greet } from './handshake.ts';
import type { IngestOptions } from './options.ts';
import { refusalAnswer, toAnswer, violationAnswer } from './refusals.ts';

/** What is stored of a request, what is done once it is stored, and what its sender is then told. */
export type Judgement = {
  arrival: Arrival;
  /** Done before the sender is answered. */
  afterwards?: () => Promise<void>;
  /** Done while and after the sender is answered. */
  meanwhile?: () => Promise<void>;
  answer: (requestId: string) => Answer;
};

type Judging = { arrived: Arrived; gate: SourceGate };

/** Decides about a request: a handshake, an event to be routed, or one that is kept and goes no further. */
export async function judge(options: IngestOptions, arrived: Arrived): Promise<Judgement> {
  const { found, isTooLarge } = arrived;
  const judging = { arrived, gate: gateOf(found.source) };
  if (isTooLarge) {
    const answer = tooLarge(options.maxBodyBytes);
    return reject(judging, { cause: RejectionCause.PayloadTooLarge, answer });
  }
  if (found.published) return judgePublished(judging);
  const handshake = greet(options, judging);
  if (handshake) return handshake;
  const wrongMethod = methodAnswer(arrived);
  if (wrongMethod) {
    return reject(judging, { cause: RejectionCause.UnsupportedHttpMethod, answer: wrongMethod });
  }
  const { received } = arrived;
  const verdict = await pass(judging.gate, { received, keys: options.keys });
  return judgeVerdict(options, { ...judging, verdict });
}

function judgeVerdict(
  { log }: IngestOptions,
  { arrived, gate, verdict }: Judging & { verdict: GateVerdict },
): Judgement {
  const { source } = arrived.found;
  if (verdict.kind === 'refused') {
    const { reason, hint = null } = verdict.refusal;
    log.info({ request: arrived.request.id, source: source.id, reason, hint }, 'Not verified');
    const cause = RejectionCause.VerificationFailed;
    const answer = refusalAnswer(gate, verdict.refusal);
    return reject({ arrived, gate }, { cause, detail: { reason, hint }, answer });
  }
  const verified = verdict.kind === 'deferred' ? null : verdict.kind === 'verified';
  // Only after the verdict: a request that comes in while the source is off may be retried later.
  if (source.disabled) {
    return reject({ arrived, gate }, { cause: RejectionCause.SourceDisabled, verified });
  }
  if (verdict.kind === 'deferred') return take({ arrived, gate }, { verified });
  return check({ arrived, gate }, { ...verdict, verified });
}

/** What a project's own key has published: nothing is left to verify. */
async function judgePublished({ arrived, gate }: Judging): Promise<Judgement> {
  const { source } = arrived.found;
  if (source.disabled) {
    return reject({ arrived, gate }, { cause: RejectionCause.SourceDisabled, verified: true });
  }
  const passed = await passPublished(gate, arrived.received);
  return check({ arrived, gate }, { ...passed, verified: true });
}

function check(
  { arrived, gate }: Judging,
  { idempotency, replay, detail, verified }: Passed & { verified: boolean | null },
): Judgement {
  if (detail && gate.schema?.mode === 'reject') {
    const cause = RejectionCause.SchemaViolation;
    const answer = violationAnswer(gate, { detail, isPublished: arrived.found.published });
    return reject({ arrived, gate }, { cause, detail, answer, verified });
  }
  return take({ arrived, gate }, { idempotency, replay, verified, detail });
}

function take(
  { arrived, gate }: Judging,
  {
    idempotency = null,
    replay = null,
    verified,
    detail = null,
  }: Partial<OnceKeys> & { verified: boolean | null; detail?: unknown },
): Judgement {
  const request = { ...arrived.request, verified, rejectionDetail: detail };
  const own = idempotency?.isNamed ? idempotency : null;
  // Providers do not read who was first: to know it can wait until the request is routed.
  const claims = [
    ...(idempotency && !own ? [{ ...idempotency, replay: false }] : []),
    ...(replay ? [{ ...replay, replay: true }] : []),
  ];
  return {
    arrival: { request, idempotency: own, claims },
    answer: answerOf({ arrived, gate }),
  };
}

type Rejection = {
  cause: RejectionCause;
  detail?: unknown;
  /** Absent: what a request that is taken is answered. */
  answer?: Answer | null;
  verified?: boolean | null;
};

function reject(
  { arrived, gate }: Judging,
  { cause, detail = null, answer = null, verified = false }: Rejection,
): Judgement {
  const request: NewRequest = {
    ...arrived.request,
    verified,
    rejectionCause: cause,
    rejectionDetail: detail,
  };
  return {
    arrival: { request, idempotency: null, claims: [] },
    answer: answer ? () => answer : answerOf({ arrived, gate }),
  };
}

/** The URL's, the source's or the provider's answer; the gateway's own where nobody has a wish, and to who publishes. */
function answerOf({ arrived, gate }: Judging): (requestId: string) => Answer {
  const { found, switches } = arrived;
  const { type, config } = gate;
  const wish = found.published
    ? null
    : acceptedAnswer(type, { config, fromUrl: switches.response });
  const own = wish && toAnswer(wish, gate);
  return (requestId) => own ?? accepted(requestId, answerHeaders(type, config));
}

function methodAnswer({ found, received, switches }: Arrived): Answer | null {
  const methods: readonly string[] =
    switches.allowMethods ?? found.source.config.allowed_http_methods ?? DEFAULT_HTTP_METHODS;
  if (methods.includes(received.method)) return null;
  const allow = methods.join(', ');
  return refusal('METHOD_NOT_ALLOWED', `This source takes ${allow}.`, { headers: { allow } });
}
