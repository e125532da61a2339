import { array, assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { mostInWindow } from '../../bench/window.ts';

test('a window does not hold what lies exactly its length later', () => {
  expect(mostInWindow([0, 1_000], 1_000)).toBe(1);
  expect(mostInWindow([0, 999], 1_000)).toBe(2);
});

test('the fullest window counts, wherever it begins', () => {
  expect(mostInWindow([0, 900, 950, 1_000, 1_899, 5_000], 1_000)).toBe(4);
  expect(mostInWindow([], 1_000)).toBe(0);
});

test('no window that begins at any moment holds more than is said', () => {
  const moments = array(integer({ min: 0, max: 5_000 }), { maxLength: 60 });
  assert(
    property(moments, (times) => {
      const counts = times.map((from) => times.filter((t) => t >= from && t < from + 700).length);
      expect(mostInWindow(times, 700)).toBe(Math.max(0, ...counts));
    }),
  );
});
