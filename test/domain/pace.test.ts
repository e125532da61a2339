import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { periodToIntervalMs, reserve } from '../../src/domain/pace.ts';
import type { PacePeriod } from '../../src/domain/pace.ts';

const PERIOD_MS = { second: 1_000, minute: 60_000, hour: 3_600_000 };

function ask(given: Partial<Parameters<typeof reserve>[0]>) {
  return reserve({ tatMs: 0, nowMs: 0, intervalMs: 1_000, count: 1, horizonMs: 60_000, ...given });
}

describe('an interval', () => {
  test.each<[number, PacePeriod, number]>([
    [1, 'second', 1_000],
    [50, 'second', 20],
    [4, 'minute', 15_000],
    [3, 'hour', 1_200_000],
    [1_000, 'second', 1],
  ])('of %i per %s is %i ms', (rate, period, expected) => {
    expect(periodToIntervalMs({ rate, period })).toBe(expected);
  });
});

describe('a reservation', () => {
  test('begins now when nothing waits, and spreads the batch evenly', () => {
    expect(ask({ nowMs: 5_000, count: 3 })).toEqual({
      slotsMs: [5_000, 6_000, 7_000],
      tatMs: 8_000,
    });
  });

  test('begins after what was reserved before', () => {
    expect(ask({ tatMs: 8_000, nowMs: 5_000, count: 2 })).toEqual({
      slotsMs: [8_000, 9_000],
      tatMs: 10_000,
    });
  });

  test('does not make up for the time in which nothing was sent', () => {
    expect(ask({ tatMs: 1_000, nowMs: 500_000, count: 2 })).toEqual({
      slotsMs: [500_000, 501_000],
      tatMs: 502_000,
    });
  });

  test('gives fewer slots than asked for when the horizon ends first', () => {
    expect(ask({ count: 10, horizonMs: 2_500 })).toEqual({
      slotsMs: [0, 1_000, 2_000],
      tatMs: 3_000,
    });
  });

  test('is full when the next slot lies beyond the horizon, and says from when there is room', () => {
    expect(ask({ tatMs: 70_001 })).toEqual({ full: true, roomAtMs: 10_001 });
    expect(ask({ tatMs: 70_001, nowMs: 10_001 })).toEqual({ slotsMs: [70_001], tatMs: 71_001 });
  });

  test('of nothing takes nothing', () => {
    expect(ask({ tatMs: 7, count: 0 })).toEqual({ slotsMs: [], tatMs: 7 });
  });
});

const rates = fc.record({
  rate: fc.integer({ min: 1, max: 50 }),
  period: fc.constantFrom<PacePeriod>('second', 'minute', 'hour'),
});
// Clocks of several workers: mostly forward, now and then a little back.
const asks = fc.array(
  fc.record({
    passedShare: fc.double({ min: -0.2, max: 1.5, noNaN: true }),
    count: fc.integer({ min: 0, max: 120 }),
  }),
  { minLength: 1, maxLength: 30 },
);

function slotsOf(
  { rate, period }: { rate: number; period: PacePeriod },
  batches: { passedShare: number; count: number }[],
) {
  const intervalMs = periodToIntervalMs({ rate, period });
  const slots: number[] = [];
  let tatMs = 0;
  let nowMs = 1_790_000_000_000;
  for (const { passedShare, count } of batches) {
    nowMs += Math.round(passedShare * PERIOD_MS[period]);
    const given = reserve({ tatMs, nowMs, intervalMs, count, horizonMs: 2 * PERIOD_MS[period] });
    if ('full' in given) continue;
    expect(given.slotsMs.every((slot) => slot >= nowMs)).toBe(true);
    expect(given.slotsMs.every((slot) => slot <= nowMs + 2 * PERIOD_MS[period])).toBe(true);
    slots.push(...given.slotsMs);
    tatMs = given.tatMs;
  }
  return slots;
}

function mostInAWindow(slots: number[], windowMs: number): number {
  let most = 0;
  for (let first = 0, last = 0; last < slots.length; last++) {
    while ((slots[last] ?? 0) - (slots[first] ?? 0) > windowMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

describe('over any run', () => {
  test('no window of the period holds more than the rate plus one', () => {
    fc.assert(
      fc.property(rates, asks, (pace, batches) => {
        const slots = slotsOf(pace, batches);
        expect(slots).toEqual(slots.toSorted((left, right) => left - right));
        expect(mostInAWindow(slots, PERIOD_MS[pace.period])).toBeLessThanOrEqual(pace.rate + 1);
      }),
      { seed: 20260901, numRuns: 1_000 },
    );
  });

  test('nor does it when slots are rounded up to whole milliseconds', () => {
    fc.assert(
      fc.property(rates, asks, (pace, batches) => {
        const slots = slotsOf(pace, batches).map(Math.ceil);
        const windowMs = PERIOD_MS[pace.period] - 1;
        expect(mostInAWindow(slots, windowMs)).toBeLessThanOrEqual(pace.rate + 1);
      }),
      { seed: 20260901, numRuns: 1_000 },
    );
  });

  test('a backlog drains at the rate, neither faster nor slower', () => {
    const intervalMs = periodToIntervalMs({ rate: 50, period: 'second' });
    let [tatMs, nowMs, left] = [0, 0, 5_000];
    while (left > 0) {
      const given = reserve({
        tatMs,
        nowMs,
        intervalMs,
        count: Math.min(left, 200),
        horizonMs: 10_000,
      });
      if ('full' in given) {
        nowMs = given.roomAtMs;
        continue;
      }
      left -= given.slotsMs.length;
      tatMs = given.tatMs;
    }
    expect(tatMs).toBe(100_000);
  });
});
