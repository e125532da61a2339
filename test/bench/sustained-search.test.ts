import { expect, test } from 'vitest';
import { highestSustained, nextRate, type Point } from '../../bench/sustained-search.ts';

function search(limit: number, start: number): Point[] {
  const points: Point[] = [];
  for (let rate = nextRate(points, { start }); rate !== null; rate = nextRate(points, { start })) {
    points.push({ rate, sustained: rate <= limit });
    if (points.length > 50) throw new Error('The search does not end.');
  }
  return points;
}

test.each([
  [2_600, 1_000],
  [2_600, 5_000],
  [1_000, 1_000],
  [130, 1_000],
])('a limit of %i is found to 5 %% from %i on', (limit, start) => {
  const points = search(limit, start);
  const found = highestSustained(points) ?? 0;
  expect(found).toBeLessThanOrEqual(limit);
  expect(found).toBeGreaterThan(limit * 0.94 - 25);
  expect(points.length).toBeLessThan(12);
});

test('a gateway that holds nothing ends the search without a rate', () => {
  expect(highestSustained(search(0, 1_000))).toBeNull();
});
