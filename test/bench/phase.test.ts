import { expect, test } from 'vitest';
import { phaseTimes, ratioOf, timesOf } from '../../bench/phase.ts';

const SECOND_US = 1_000_000;

/** One request each 10 ms; those of the first second of three took long. */
function arrivals() {
  const sentAtUs = Float64Array.from({ length: 1_500 }, (_, i) => i * 10_000);
  const arrivedAtUs = sentAtUs.map((at) => at + (at < SECOND_US ? 900_000 : 50_000));
  const destination = new Uint32Array(sentAtUs.length);
  return { destination, seq: Uint32Array.from(sentAtUs.keys()), sentAtUs, arrivedAtUs };
}

test('a moment in which everything stands still is one block’s p99, and that of the whole phase', () => {
  const whole = { destinations: [0], fromUs: 0, toUs: 15 * SECOND_US };
  expect(phaseTimes(arrivals(), whole)).toMatchObject({
    count: 1_500,
    p50: 50,
    p99: 900,
    blockP99: 50,
  });
});

test('a phase is compared with another by both', () => {
  const slow = timesOf([[30_000], [30_000], [90_000]]);
  const quick = timesOf([[20_000], [20_000], [20_000]]);
  expect(ratioOf(slow, quick)).toEqual({ p99: 4.5, blockP99: 1.5 });
});
