import { answerHeaders, unverifiedAnswer, unverifiedStatus } from '../../verification/answers.ts';
import type { SchemaDetail, SourceGate } from '../../verification/source-gate.ts';
import type { Refused } from '../../verification/verdict.ts';
import { refusal, type Answer } from './answer.ts';

/** What a request that was not verified is answered; null for what every other one is. */
export function refusalAnswer(gate: SourceGate, { hint }: Refused): Answer | null {
  if (gate.type === 'PUBLISH_API') return refusal('UNAUTHORIZED', `Not verified: ${hint ?? ''}.`);
  if (unverifiedStatus(gate.type, gate.config) === 200) return null;
  const answer = unverifiedAnswer(gate.type, gate.config);
  return answer && toAnswer(answer, gate);
}

const OWN_SENDERS = new Set(['HTTP', 'MANAGED', 'PUBLISH_API', 'WEBHOOK']);

/**
 * What a body that is not as its schema says is answered; null for what every other request is. Only a sender that is
 * ours to correct is told: a provider would send the same again, and switch the webhook off in the end.
 */
export function violationAnswer(
  { type, config }: SourceGate,
  { detail, isPublished }: { detail: SchemaDetail; isPublished: boolean },
): Answer | null {
  const isTold =
    isPublished ||
    config.unverified_status === 401 ||
    (OWN_SENDERS.has(type) && unverifiedStatus(type, config) === 401);
  if (!isTold) return null;
  const message = `The body does not match the schema of this source: ${detail.hint}.`;
  return refusal('UNPROCESSABLE_ENTITY', message, { data: detail.violations });
}

/** An answer with the headers that go with every answer of its source. */
export function toAnswer(
  { status, contentType, body }: { status: number; contentType: string; body: string },
  { type, config }: SourceGate,
): Answer {
  return {
    status,
    headers: { 'content-type': contentType, ...answerHeaders(type, config) },
    body,
  };
}
