import { describe, expect, test } from 'vitest';
import { groupName } from '../../src/domain/delivery-group.ts';
import { limitsOf } from '../../src/domain/limits.ts';

function shown({ pace, concurrent }: ReturnType<typeof limitsOf>['whole']) {
  return [pace?.words ?? null, concurrent];
}

describe('the whole of a destination', () => {
  test.each([
    ['no policy', null, [null, null]],
    ['a rate', { rate: 5, period: 'minute' }, ['5/minute', null]],
    ['open requests as a rate', { rate: 5, period: 'concurrent' }, [null, 5]],
    ['open requests alone', { concurrent: 3 }, [null, 3]],
    ['both', { rate: 5, period: 'second', concurrent: 3 }, ['5/second', 3]],
  ] as const)('is limited by %s', (_, policy, limit) => {
    expect(shown(limitsOf(policy).whole)).toEqual(limit);
  });
});

describe('a group', () => {
  const policy = {
    groups: {
      key: 'body.id',
      rate: 1,
      rate_period: 'second',
      concurrent: 9,
      overrides: {
        gold: { rate: 10, rate_period: 'second', concurrent: 4 },
        slow: { concurrent: 1 },
        old: { rate: 2, rate_period: 'concurrent' },
        '7': { concurrent: 7 },
        '8': { concurrent: 8 },
        '"8"': { concurrent: 88 },
        '': { concurrent: 5 },
      },
    },
  } as const;
  const limitOf = (value: unknown) => shown(limitsOf(policy).ofGroup(groupName(value)));

  test('has both limits that all groups have', () => {
    expect(limitOf('anyone')).toEqual(['1/second', 9]);
    expect(limitOf('toString')).toEqual(['1/second', 9]);
  });

  test('has those of its own instead where the policy lists it', () => {
    expect(limitOf('gold')).toEqual(['10/second', 4]);
    expect(limitOf('slow')).toEqual([null, 1]);
    expect(limitOf('old')).toEqual([null, 2]);
  });

  test('is listed by its text, and by its name where two values have the same text', () => {
    expect([7, '7'].map(limitOf)).toEqual([
      [null, 7],
      [null, 7],
    ]);
    expect([8, '8'].map(limitOf)).toEqual([
      [null, 8],
      [null, 88],
    ]);
    expect([undefined, null, ''].map(limitOf)).toEqual(Array(3).fill([null, 5]));
  });
});
