import { expect, test } from 'vitest';
import { inMs, quantile, summarize } from '../../bench/quantiles.ts';

const oneToHundred = Array.from({ length: 100 }, (_, i) => 100 - i);

test('a quantile is a sample that was taken, never a value between two', () => {
  const sorted = Float64Array.of(1, 2, 10);
  expect(quantile(sorted, 0.5)).toBe(2);
  expect(quantile(sorted, 0.99)).toBe(10);
});

test('samples are sorted as numbers, whatever order they came in', () => {
  expect(summarize(oneToHundred)).toEqual({ count: 100, p50: 50, p99: 99, p999: 100, max: 100 });
  expect(summarize([9, 10, 100]).p50).toBe(10);
});

test('without samples there are no quantiles, and no zero that looks like one', () => {
  expect(summarize([])).toEqual({ count: 0, p50: null, p99: null, p999: null, max: null });
  expect(inMs(summarize([])).p99).toBeNull();
});

test('microseconds become milliseconds to a hundredth', () => {
  expect(inMs(summarize([12_346])).p50).toBe(12.35);
});
