import { expect, test } from 'vitest';
import { createSlowStart } from '../../src/activities/slow-start.ts';

function slowStart() {
  let nowMs = 0;
  const wait = (ms: number) => {
    nowMs += ms;
    return Promise.resolve();
  };
  const all = createSlowStart({ now: () => nowMs, wait });
  /** How many of a long backlog are let go until then. */
  async function countUntil(untilMs: number): Promise<number> {
    let count = 0;
    for (;;) {
      if (nowMs >= untilMs) return count;
      count += await all.take('des_1', 100);
    }
  }
  return { ...all, countUntil, pass: (ms: number) => void (nowMs += ms) };
}

test('a destination that has not been down gets all there is', async () => {
  const { begin, take } = slowStart();
  begin('des_2');
  expect(await take('des_1', 100)).toBe(100);
});

test('one that answers again gets its backlog slowly at first, and twice as fast every five seconds', async () => {
  const { begin, countUntil } = slowStart();
  begin('des_1');
  const first = await countUntil(1_000);
  expect(first).toBeGreaterThan(140);
  expect(first).toBeLessThan(190);
  const between = await countUntil(5_000);
  expect(between).toBeGreaterThan(4 * 150);
  expect(between).toBeLessThan(4 * 300);
  await countUntil(10_000);
  const second = await countUntil(11_000);
  expect(second).toBeGreaterThan(550);
  expect(second).toBeLessThan(750);
});

test('after a minute it gets all there is again', async () => {
  const { begin, take, pass } = slowStart();
  begin('des_1');
  expect(await take('des_1', 1_000)).toBeLessThan(20);
  pass(60_000);
  expect(await take('des_1', 1_000)).toBe(1_000);
});
