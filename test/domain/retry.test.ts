import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_RETRY_COUNT,
  MAX_RETRY_DELAY_MS,
  matchesStatus,
  nextStep,
  parseStatusPattern,
} from '../../src/domain/retry.ts';
import type { FailedAttempt, RetryRule } from '../../src/domain/retry.ts';

const linear: RetryRule = { strategy: 'linear', intervalMs: 10_000, count: 5 };
const exponential: RetryRule = { strategy: 'exponential', intervalMs: 1_000, count: 40 };
const serverError: FailedAttempt = { responseStatus: 503, retryAfter: null };

function step(rule: RetryRule | null, automaticAttempts: number, outcome: FailedAttempt) {
  return nextStep({ rule, automaticAttempts, outcome, random: 0 });
}

function asking(ms: number): FailedAttempt {
  return { ...serverError, retryAfter: { kind: 'at-least', ms } };
}

describe('a status pattern', () => {
  test.each([
    ['500-599', { kind: 'between', from: 500, to: 599 }],
    ['404-404', { kind: 'between', from: 404, to: 404 }],
    ['>400', { kind: 'compare', operator: '>', status: 400 }],
    ['>=500', { kind: 'compare', operator: '>=', status: 500 }],
    ['=>500', { kind: 'compare', operator: '>=', status: 500 }],
    ['<500', { kind: 'compare', operator: '<', status: 500 }],
    ['<=499', { kind: 'compare', operator: '<=', status: 499 }],
    ['=<499', { kind: 'compare', operator: '<=', status: 499 }],
    ['=404', { kind: 'compare', operator: '=', status: 404 }],
    ['==404', { kind: 'compare', operator: '=', status: 404 }],
    ['404', { kind: 'compare', operator: '=', status: 404 }],
    ['!401', { kind: 'not', status: 401 }],
  ])('%s is read', (text, pattern) => {
    expect(parseStatusPattern(text)).toEqual(pattern);
  });

  test.each([
    '',
    '5xx',
    '99',
    '199',
    '600',
    '5000',
    '500 - 599',
    '599-500',
    '!500-599',
    '!>500',
    '<>500',
    '>>500',
    '===500',
    ' 500',
    '500\n',
  ])('%j is refused', (text) => {
    expect(parseStatusPattern(text)).toBeNull();
  });
});

describe('a list of status patterns', () => {
  test.each([
    [['500-599'], 500, true],
    [['500-599'], 599, true],
    [['500-599'], 499, false],
    [['>400'], 400, false],
    [['>400'], 401, true],
    [['>=500'], 500, true],
    [['<300'], 302, false],
    [['<=302'], 302, true],
    [['404'], 404, true],
    [['404'], 405, false],
    [['429', '500-599'], 429, true],
    [['429', '500-599'], 404, false],
  ])('%j on %i is %s', (patterns, status, taken) => {
    expect(matchesStatus(patterns, status)).toBe(taken);
  });

  test('takes everything but what it excludes when it has only exclusions', () => {
    expect(matchesStatus(['!401', '!404'], 500)).toBe(true);
    expect(matchesStatus(['!401', '!404'], 404)).toBe(false);
  });

  test('lets an exclusion win over a positive pattern, in either order', () => {
    expect(matchesStatus(['400-499', '!401'], 401)).toBe(false);
    expect(matchesStatus(['!401', '400-499'], 401)).toBe(false);
    expect(matchesStatus(['!401', '400-499'], 402)).toBe(true);
    expect(matchesStatus(['!401', '400-499'], 500)).toBe(false);
  });

  test('takes every status when it is empty', () => {
    expect(matchesStatus([], 418)).toBe(true);
  });
});

describe('nextStep', () => {
  test('fails at once without a rule', () => {
    expect(step(null, 1, serverError)).toEqual({ kind: 'fail' });
  });

  test('waits the same interval each time when linear', () => {
    for (const attempts of [1, 2, 5]) {
      expect(step(linear, attempts, serverError)).toEqual({ kind: 'retry', delayMs: 10_000 });
    }
  });

  test('doubles the interval with each attempt when exponential', () => {
    const delays = [1, 2, 3, 4].map((attempts) => step(exponential, attempts, serverError));
    expect(delays).toEqual(
      [1_000, 2_000, 4_000, 8_000].map((delayMs) => ({ kind: 'retry', delayMs })),
    );
  });

  test('makes as many retries as the rule counts beside the initial attempt', () => {
    expect(step(linear, 5, serverError).kind).toBe('retry');
    expect(step(linear, 6, serverError).kind).toBe('fail');
    expect(step({ ...linear, count: 0 }, 1, serverError).kind).toBe('fail');
  });

  test('makes fifty retries when the rule names no count, and more when it names more', () => {
    expect(step({ ...linear, count: null }, DEFAULT_RETRY_COUNT, serverError).kind).toBe('retry');
    expect(step({ ...linear, count: null }, 51, serverError).kind).toBe('fail');
    expect(step({ ...linear, count: 1_000 }, 1_000, serverError).kind).toBe('retry');
  });

  test('retries any error when the rule names no statuses, redirects included', () => {
    for (const responseStatus of [302, 400, 404, 500]) {
      expect(step(linear, 1, { ...serverError, responseStatus }).kind).toBe('retry');
    }
  });

  test('retries only the statuses the rule names', () => {
    const rule = { ...linear, responseStatusCodes: ['500-599', '!501'] };
    expect(step(rule, 1, serverError).kind).toBe('retry');
    expect(step(rule, 1, { ...serverError, responseStatus: 501 }).kind).toBe('fail');
    expect(step(rule, 1, { ...serverError, responseStatus: 404 }).kind).toBe('fail');
  });

  test('always retries a network error, whatever statuses the rule names', () => {
    const rule = { ...linear, responseStatusCodes: ['404'] };
    const refused = { responseStatus: null, retryAfter: null };
    expect(step(rule, 1, refused).kind).toBe('retry');
  });

  test('waits longer when the destination asks for it, and never shorter', () => {
    expect(step(linear, 1, asking(60_000))).toEqual({ kind: 'retry', delayMs: 60_000 });
    expect(step(linear, 1, asking(1_000))).toEqual({ kind: 'retry', delayMs: 10_000 });
  });

  test('counts a wait the destination asked for against the same budget', () => {
    expect(step(linear, 6, asking(60_000))).toEqual({ kind: 'fail' });
  });

  test('stops when the destination says so', () => {
    expect(step(linear, 1, { ...serverError, retryAfter: { kind: 'stop' } })).toEqual({
      kind: 'fail',
    });
  });

  test('never waits longer than a 32-bit timer holds', () => {
    const late = step({ ...exponential, count: 5_000 }, 4_000, serverError);
    expect(late).toEqual({ kind: 'retry', delayMs: MAX_RETRY_DELAY_MS });
    expect(step(linear, 1, asking(Number.MAX_VALUE))).toEqual(late);
  });

  test('fails when the wait would pass the deadline', () => {
    const event = { rule: linear, automaticAttempts: 1, outcome: serverError, random: 0 };
    expect(nextStep({ ...event, deadlineMs: 10_000 }).kind).toBe('retry');
    expect(nextStep({ ...event, deadlineMs: 9_999 }).kind).toBe('fail');
  });

  test('adds at most ten percent and thirty seconds of jitter, never less than the wait', () => {
    const rule = fc.record({
      strategy: fc.constantFrom('linear' as const, 'exponential' as const),
      intervalMs: fc.integer({ min: 1_000, max: 604_800_000 }),
      count: fc.constant(1_000),
    });
    const numbers = {
      automaticAttempts: fc.integer({ min: 1, max: 1_000 }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      askedMs: fc.integer({ min: 0, max: 10_000_000 }),
    };
    fc.assert(
      fc.property(fc.record({ rule, ...numbers }), ({ askedMs, random, ...event }) => {
        const outcome = asking(askedMs);
        const plain = nextStep({ ...event, outcome, random: 0 });
        const drawn = nextStep({ ...event, outcome, random });
        if (plain.kind === 'fail' || drawn.kind === 'fail') throw new Error('gave up early');
        const added = drawn.delayMs - plain.delayMs;
        expect(plain.delayMs).toBeGreaterThanOrEqual(askedMs);
        expect(added).toBeGreaterThanOrEqual(0);
        expect(added).toBeLessThanOrEqual(Math.min(plain.delayMs * 0.1, 30_000));
        expect(Number.isInteger(drawn.delayMs)).toBe(true);
        expect(drawn.delayMs).toBeLessThanOrEqual(MAX_RETRY_DELAY_MS);
      }),
      { seed: 20260901 },
    );
  });

  test('lengthens some waits, so that events that failed together come back apart', () => {
    const delays = [0, 0.5, 0.99].map((random) =>
      nextStep({ rule: linear, automaticAttempts: 1, outcome: serverError, random }),
    );
    expect(delays).toEqual([10_000, 10_500, 10_990].map((delayMs) => ({ kind: 'retry', delayMs })));
  });
});
