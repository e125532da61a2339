import type { AttemptOutcome } from './outcome.ts';
import { nextStep, type RetryRule } from './retry.ts';
import { AttemptTrigger, EventStatus } from './status.ts';

/** What becomes of an event after an attempt; times in ms since 1970. */
export type Settlement = {
  eventStatus: EventStatus;
  nextAttemptAtMs: number | null;
  automaticAttempts: number;
};

/**
 * Decides what follows an attempt. A manual attempt that failed leaves the automatic schedule as it was
 * (`automaticAtMs`), unless the destination asked for no more; it does not count against the schedule either.
 */
export function settle({
  outcome,
  rule,
  trigger,
  automaticAttempts,
  automaticAtMs,
  nowMs,
  random,
}: {
  outcome: AttemptOutcome;
  rule: RetryRule | null;
  trigger: AttemptTrigger;
  automaticAttempts: number;
  automaticAtMs: number | null;
  nowMs: number;
  random: number;
}): Settlement {
  const manual = trigger === AttemptTrigger.Manual || trigger === AttemptTrigger.BulkRetry;
  const made = manual ? automaticAttempts : automaticAttempts + 1;
  if (outcome.kind === 'delivered') {
    return { eventStatus: EventStatus.Successful, nextAttemptAtMs: null, automaticAttempts: made };
  }
  const retryAfter = outcome.kind === 'failed' ? outcome.retryAfter : null;
  if (manual) {
    const nextAttemptAtMs = retryAfter?.kind === 'stop' ? null : automaticAtMs;
    return { eventStatus: EventStatus.Failed, nextAttemptAtMs, automaticAttempts: made };
  }
  const failed = {
    responseStatus: outcome.kind === 'failed' ? outcome.responseStatus : null,
    retryAfter,
  };
  const step = nextStep({ rule, automaticAttempts: made, outcome: failed, random });
  return {
    eventStatus: EventStatus.Failed,
    nextAttemptAtMs: step.kind === 'retry' ? nowMs + step.delayMs : null,
    automaticAttempts: made,
  };
}
