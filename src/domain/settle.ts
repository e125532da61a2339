import { AttemptErrorCode, type AttemptOutcome } from './outcome.ts';
import { nextStep, type RetryRule } from './retry.ts';
import { AttemptTrigger, EventStatus } from './status.ts';

/** What becomes of an event after an attempt; times in ms since 1970. */
export type Settlement = {
  eventStatus: EventStatus;
  nextAttemptAtMs: number | null;
  automaticAttempts: number;
};

/** Where an event stands when an attempt ends. */
type Standing = {
  rule: RetryRule | null;
  trigger: AttemptTrigger;
  automaticAttempts: number;
  automaticAtMs: number | null;
  nowMs: number;
  random: number;
};

/**
 * Decides what follows an attempt. A manual attempt that failed leaves the automatic schedule as it was
 * (`automaticAtMs`; null: there is none), unless the destination asked for more time or for no more attempts; it does
 * not count against the schedule either. What was due by now goes on as if an automatic attempt had just failed: it
 * waited for something else meanwhile, and would come at once.
 */
export function settle({
  outcome,
  rule,
  trigger,
  automaticAttempts,
  automaticAtMs,
  nowMs,
  random,
}: Standing & { outcome: AttemptOutcome }): Settlement {
  const manual = trigger === AttemptTrigger.Manual || trigger === AttemptTrigger.BulkRetry;
  const made = manual ? automaticAttempts : automaticAttempts + 1;
  if (outcome.kind === 'delivered') {
    return { eventStatus: EventStatus.Successful, nextAttemptAtMs: null, automaticAttempts: made };
  }
  const retryAfter = outcome.kind === 'failed' ? outcome.retryAfter : null;
  const over = (nextAttemptAtMs: number | null): Settlement => ({
    eventStatus: EventStatus.Failed,
    nextAttemptAtMs,
    automaticAttempts: made,
  });
  if (manual && (automaticAtMs === null || retryAfter?.kind === 'stop')) return over(null);
  if (manual && automaticAtMs !== null && automaticAtMs > nowMs) {
    const askedMs = retryAfter?.kind === 'at-least' ? retryAfter.ms : 0;
    return over(Math.max(automaticAtMs, nowMs + askedMs));
  }
  const failed = {
    responseStatus: outcome.kind === 'failed' ? outcome.responseStatus : null,
    retryAfter,
  };
  const automatic = Math.max(1, made);
  const step = nextStep({ rule, automaticAttempts: automatic, outcome: failed, random });
  return over(step.kind === 'retry' ? nowMs + step.delayMs : null);
}

/** When the event is attempted next if this attempt fails without a response; null if it is not. */
export function willRetryAtMs(standing: Standing): number | null {
  return settle({ ...standing, outcome: NO_RESPONSE }).nextAttemptAtMs;
}

const NO_RESPONSE: AttemptOutcome = {
  kind: 'refused',
  errorCode: AttemptErrorCode.Unknown,
  message: '',
};
