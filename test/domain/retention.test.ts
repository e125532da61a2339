import { describe, expect, test } from 'vitest';
import { retentionProblems, sendableMs } from '../../src/domain/retention.ts';
import { nextStep } from '../../src/domain/retry.ts';
import { rules, type Rule } from '../../src/domain/schema/rule.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const problems = (given: Rule[], retentionDays = 3) => retentionProblems(given, { retentionDays });
const pathsOf = (given: Rule[], retentionDays?: number) =>
  problems(given, retentionDays).map(({ path }) => path.join('.'));
const retry = (more: object) =>
  ({ type: 'retry', strategy: 'linear', interval: HOUR, ...more }) as Rule;

describe('a rule by which an event would wait for longer than it is kept', () => {
  test.each<[string, Rule[], string[]]>([
    ['a delay beyond', [{ type: 'delay', delay: 3 * DAY }], ['0.delay']],
    ['a delay within', [{ type: 'delay', delay: 2 * DAY }], []],
    ['an interval beyond', [retry({ interval: 4 * DAY })], ['0.interval']],
    ['an interval that is never waited', [retry({ interval: 4 * DAY, count: 0 })], []],
    ['too many of the same', [retry({ count: 72 })], ['0.count']],
    ['as many as there is time for', [retry({ count: 71 })], []],
    ['too many that double', [retry({ strategy: 'exponential', count: 7 })], ['0.count']],
    [
      'as many that double as there is time for',
      [retry({ strategy: 'exponential', count: 6 })],
      [],
    ],
    [
      'the interval a rule has without one',
      [retry({ interval: undefined, count: 5_000 })],
      ['0.count'],
    ],
    ['no count', [retry({ strategy: 'exponential' })], []],
    ['a delay and retries', [retry({ count: 60 }), { type: 'delay', delay: DAY }], ['0.count']],
    ['what waits for nothing', [{ type: 'filter', body: {} }], []],
  ])('%s', (_what, given, paths) => {
    expect(rules.safeParse(given).success).toBe(true);
    expect(pathsOf(given)).toEqual(paths);
    // With room enough none is refused.
    expect(pathsOf(given, 3_650)).toEqual([]);
  });

  test('is told with the setting and what would fit', () => {
    const [delay] = problems([{ type: 'delay', delay: 3 * DAY }]);
    expect(delay?.message).toContain(`at most ${sendableMs(3)} ms`);
    expect(delay?.message).toContain('RETENTION_DAYS is 3');
    const [count] = problems([retry({ count: 100 })]);
    expect(count?.message).toContain('at most 71');
    expect(pathsOf([retry({ count: 71 })])).toEqual([]);
  });
});

test('an event is not tried again when it would be removed before, whoever asked for the wait', () => {
  const outcome = { responseStatus: 503, errorCode: null, retryAfter: null };
  const rule = { strategy: 'linear' as const, intervalMs: HOUR, count: null };
  const step = (leftMs: number, more = {}) =>
    nextStep({
      rule: { ...rule, leftMs },
      automaticAttempts: 1,
      outcome: { ...outcome, ...more },
      random: 0,
    });
  expect(step(2 * HOUR)).toMatchObject({ kind: 'retry' });
  expect(step(HOUR / 2)).toEqual({ kind: 'fail' });
  expect(step(-1)).toEqual({ kind: 'fail' });
  const retryAfter = { kind: 'at-least' as const, ms: 20 * DAY };
  expect(step(2 * HOUR, { retryAfter })).toEqual({ kind: 'fail' });
  expect(step(21 * DAY, { retryAfter })).toMatchObject({ kind: 'retry' });
});
