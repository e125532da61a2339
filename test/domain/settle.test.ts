import { describe, expect, test } from 'vitest';
import type { AttemptOutcome } from '../../src/domain/outcome.ts';
import type { RetryAfter } from '../../src/domain/retry.ts';
import { settle, willRetryAtMs } from '../../src/domain/settle.ts';

const NOW = Date.UTC(2026, 10, 28, 12);
const MINUTE = 60_000;
const rule = { strategy: 'linear', intervalMs: 10 * MINUTE, count: 5 } as const;

function failed(retryAfter: RetryAfter | null = null): AttemptOutcome {
  return {
    kind: 'failed',
    responseStatus: 503,
    responseHeaders: [],
    responseBody: Buffer.alloc(0),
    bodyTruncated: false,
    errorCode: null,
    message: null,
    startedAtMs: NOW,
    deliveredAtMs: NOW,
    respondedAtMs: NOW,
    latencyMs: 1,
    retryAfter,
    location: null,
  };
}

/** What follows a retry by hand that failed. */
function byHand(
  automaticAtMs: number | null,
  more: Partial<Parameters<typeof settle>[0]> = {},
): ReturnType<typeof settle> {
  return settle({
    outcome: failed(),
    rule,
    trigger: 'MANUAL',
    automaticAttempts: 1,
    automaticAtMs,
    nowMs: NOW,
    random: 0,
    ...more,
  });
}

describe('a retry by hand that fails', () => {
  test('leaves what is planned for later as it is', () => {
    const planned = NOW + MINUTE;
    expect(byHand(planned)).toEqual({
      eventStatus: 'FAILED',
      nextAttemptAtMs: planned,
      automaticAttempts: 1,
    });
  });

  test('plans nothing where nothing was planned', () => {
    expect(byHand(null)).toMatchObject({ nextAttemptAtMs: null });
  });

  test.each([
    ['just now', NOW],
    ['an hour ago', NOW - 60 * MINUTE],
  ])('plans anew what was due %s: the next attempt does not come at once', (_when, due) => {
    expect(byHand(due)).toMatchObject({ nextAttemptAtMs: NOW + rule.intervalMs });
    expect(byHand(due)).toMatchObject({ automaticAttempts: 1 });
  });

  test('before the first attempt begins the schedule, and counts as none of it', () => {
    const settlement = byHand(NOW - 1, { automaticAttempts: 0 });
    expect(settlement).toMatchObject({
      nextAttemptAtMs: NOW + rule.intervalMs,
      automaticAttempts: 0,
    });
  });

  test('plans nothing anew where the rule is gone or used up', () => {
    expect(byHand(NOW, { rule: null })).toMatchObject({ nextAttemptAtMs: null });
    expect(byHand(NOW, { automaticAttempts: 6 })).toMatchObject({ nextAttemptAtMs: null });
  });

  test('is told by Retry-After, too, that what is planned comes too early', () => {
    const outcome = failed({ kind: 'at-least', ms: 30 * MINUTE });
    expect(byHand(NOW + MINUTE, { outcome })).toMatchObject({
      nextAttemptAtMs: NOW + 30 * MINUTE,
    });
    expect(byHand(NOW - MINUTE, { outcome })).toMatchObject({
      nextAttemptAtMs: NOW + 30 * MINUTE,
    });
    expect(byHand(NOW + 60 * MINUTE, { outcome })).toMatchObject({
      nextAttemptAtMs: NOW + 60 * MINUTE,
    });
    expect(byHand(null, { outcome })).toMatchObject({ nextAttemptAtMs: null });
  });
});

describe('before an attempt it is known when the next would come', () => {
  const standing = { rule, automaticAttempts: 1, nowMs: NOW, random: 0 } as const;

  test('after a retry by hand, what is planned stays', () => {
    const at = (automaticAtMs: number | null) =>
      willRetryAtMs({ ...standing, trigger: 'MANUAL', automaticAtMs });
    expect(at(NOW + MINUTE)).toBe(NOW + MINUTE);
    expect(at(NOW - MINUTE)).toBe(NOW + rule.intervalMs);
    expect(at(null)).toBeNull();
  });

  test('after any other attempt, the rule says it, until its count is used up', () => {
    const after = (automaticAttempts: number) =>
      willRetryAtMs({ ...standing, automaticAttempts, trigger: 'AUTOMATIC', automaticAtMs: null });
    expect(after(4)).toBe(NOW + rule.intervalMs);
    expect(after(5)).toBeNull();
  });
});
