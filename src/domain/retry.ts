/** One condition on a response status, as written in a retry rule's `response_status_codes`. */
export type StatusPattern =
  | { kind: 'between'; from: number; to: number }
  | { kind: 'compare'; operator: ComparisonOperator; status: number }
  | { kind: 'not'; status: number };

/** When a failed delivery is tried again. `count` is the number of retries; null means the default. */
export type RetryRule = {
  strategy: 'linear' | 'exponential';
  intervalMs: number;
  count: number | null;
  responseStatusCodes?: string[];
  /** The time left until the event is removed: there is no retry beyond. */
  leftMs?: number;
};

/** What a destination asked for in its `Retry-After`: wait this long at least, or stop retrying. */
export type RetryAfter = { kind: 'at-least'; ms: number } | { kind: 'stop' };

/** How a failed attempt ended; no status means that no answer came. */
export type FailedAttempt = {
  responseStatus: number | null;
  retryAfter: RetryAfter | null;
};

export type RetryStep = { kind: 'retry'; delayMs: number } | { kind: 'fail' };

/** Retries of a rule that names no `count`. A rule that names one may go beyond it. */
export const DEFAULT_RETRY_COUNT = 50;

/** What a rule that names no `interval` waits. */
export const DEFAULT_RETRY_INTERVAL_MS = 60_000;

/** The longest wait, 24.8 days: what a 32-bit millisecond timer can hold. Doubling stops here. */
export const MAX_RETRY_DELAY_MS = 2 ** 31 - 1;

const JITTER_SHARE = 0.1;
const MAX_JITTER_MS = 30_000;
const STATUS_PATTERN = /^(?:([2-5]\d{2})-([2-5]\d{2})|([><=]{1,2})([2-5]\d{2})|(!?)([2-5]\d{2}))$/;

const COMPARISONS = {
  '>': (status: number, limit: number) => status > limit,
  '>=': (status: number, limit: number) => status >= limit,
  '<': (status: number, limit: number) => status < limit,
  '<=': (status: number, limit: number) => status <= limit,
  '=': (status: number, limit: number) => status === limit,
};

type ComparisonOperator = keyof typeof COMPARISONS;

// Both ways round are in use (`>=` and `=>`); `<>`, `><`, `>>` and `<<` say nothing clear.
const OPERATORS = new Map<string, ComparisonOperator>([
  ['>', '>'],
  ['<', '<'],
  ['=', '='],
  ['==', '='],
  ['>=', '>='],
  ['=>', '>='],
  ['<=', '<='],
  ['=<', '<='],
]);

/** Reads `500-599`, `>=500`, `404` or `!401` (statuses 200 to 599); null where the text is none of these. */
export function parseStatusPattern(text: string): StatusPattern | null {
  const match = STATUS_PATTERN.exec(text);
  if (match === null) return null;
  const [, from, to, sign, compared, negation, exact] = match;

  if (from !== undefined) {
    const pattern = { kind: 'between', from: Number(from), to: Number(to) } as const;
    return pattern.from <= pattern.to ? pattern : null;
  }
  if (sign !== undefined) {
    const operator = OPERATORS.get(sign);
    return operator === undefined ? null : { kind: 'compare', operator, status: Number(compared) };
  }
  const status = Number(exact);
  return negation === '!' ? { kind: 'not', status } : { kind: 'compare', operator: '=', status };
}

/**
 * Whether a list of status patterns takes a status: some positive one matches (or all are negations)
 * and no negation excludes it. Texts that are no pattern are passed over; an empty list takes all.
 */
export function matchesStatus(patterns: readonly string[], status: number): boolean {
  const parsed = patterns.map(parseStatusPattern).filter((pattern) => pattern !== null);
  const positive = parsed.filter((pattern) => pattern.kind !== 'not');
  const excluded = parsed.some((pattern) => pattern.kind === 'not' && pattern.status === status);
  return !excluded && (positive.length === 0 || positive.some((pattern) => takes(pattern, status)));
}

/**
 * Decides whether a failed event is tried again, and how long from now.
 *
 * `automaticAttempts` counts the attempts made so far, the initial one included, manual ones not.
 * `random` in [0, 1) draws the jitter, which only ever lengthens the wait (by 10 %, at most 30 s).
 * `deadlineMs` is the time left until the event is given up; a wait beyond it is a failure now.
 */
export function nextStep({
  rule,
  automaticAttempts,
  outcome,
  random,
  deadlineMs = Infinity,
}: {
  rule: RetryRule | null;
  automaticAttempts: number;
  outcome: FailedAttempt;
  random: number;
  deadlineMs?: number;
}): RetryStep {
  if (rule === null || outcome.retryAfter?.kind === 'stop') return { kind: 'fail' };
  if (automaticAttempts > (rule.count ?? DEFAULT_RETRY_COUNT)) return { kind: 'fail' };
  if (!isRetryable(rule, outcome)) return { kind: 'fail' };

  const scheduledMs = scheduledDelayMs(rule, automaticAttempts);
  const askedMs = outcome.retryAfter?.ms ?? 0;
  // A destination may ask for more time, never for less: the schedule is what its owner set.
  const waitMs = Math.min(askedMs > scheduledMs ? askedMs : scheduledMs, MAX_RETRY_DELAY_MS);
  const jitterMs = Math.floor(Math.min(waitMs * JITTER_SHARE, MAX_JITTER_MS) * random);
  const delayMs = Math.min(Math.ceil(waitMs) + jitterMs, MAX_RETRY_DELAY_MS);
  const leftMs = Math.min(deadlineMs, rule.leftMs ?? Infinity);
  return delayMs > leftMs ? { kind: 'fail' } : { kind: 'retry', delayMs };
}

function isRetryable(rule: RetryRule, { responseStatus }: FailedAttempt): boolean {
  if (responseStatus === null || rule.responseStatusCodes === undefined) return true;
  return matchesStatus(rule.responseStatusCodes, responseStatus);
}

function scheduledDelayMs({ strategy, intervalMs }: RetryRule, automaticAttempts: number): number {
  if (strategy === 'linear') return intervalMs;
  // 2^31 already passes the longest wait for any interval of a millisecond or more.
  const doublings = Math.min(Math.max(automaticAttempts - 1, 0), 31);
  return intervalMs * 2 ** doublings;
}

function takes(pattern: StatusPattern, status: number): boolean {
  if (pattern.kind === 'between') return pattern.from <= status && status <= pattern.to;
  if (pattern.kind === 'not') return pattern.status !== status;
  return COMPARISONS[pattern.operator](status, pattern.status);
}
