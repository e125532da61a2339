import { expect, test } from 'vitest';
import { createCredits } from '../../src/dispatcher/credits.ts';

/** Credits on a clock that only the test, and waiting itself, moves. */
function creditsOnClock() {
  let nowMs = 0;
  const pass = (ms: number) => void (nowMs += ms);
  const credits = createCredits({ now: () => nowMs, wait: async (ms) => pass(ms) });
  return { ...credits, pass, nowMs: () => nowMs };
}

/** Work at so many a second, for so long; tells how much of it could begin, a second. */
async function flow(
  { take, pass, nowMs }: ReturnType<typeof creditsOnClock>,
  { perSecond, forMs }: { perSecond: number; forMs: number },
): Promise<number> {
  const [stepMs, beganAtMs] = [20, nowMs()];
  let begun = 0;
  while (nowMs() - beganAtMs < forMs) {
    begun += await take((perSecond * stepMs) / 1_000);
    pass(stepMs);
  }
  return (begun * 1_000) / (nowMs() - beganAtMs);
}

async function press(credits: ReturnType<typeof creditsOnClock>, times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    credits.press();
    await flow(credits, { perSecond: 2_000, forMs: 200 });
  }
}

test('while acknowledgements are quick, everything may begin at once', async () => {
  const credits = creditsOnClock();
  expect(await credits.take(200)).toBe(200);
  expect(await credits.take(10_000)).toBe(10_000);
  expect(credits.nowMs()).toBe(0);
});

test('each time they are slow, half as much may begin as just did', async () => {
  const credits = creditsOnClock();
  await flow(credits, { perSecond: 2_000, forMs: 3_000 });
  credits.press();
  expect(credits.perSecond()).toBeGreaterThan(800);
  expect(credits.perSecond()).toBeLessThan(1_100);
  await flow(credits, { perSecond: 2_000, forMs: 200 });
  credits.press();
  expect(credits.perSecond()).toBeLessThan(550);
});

test('many who say so at once count as one', async () => {
  const credits = creditsOnClock();
  await flow(credits, { perSecond: 2_000, forMs: 3_000 });
  for (let n = 0; n < 20; n++) credits.press();
  expect(credits.perSecond()).toBeGreaterThan(800);
});

test('however slow they are, a little goes on', async () => {
  const credits = creditsOnClock();
  await flow(credits, { perSecond: 2_000, forMs: 2_000 });
  await press(credits, 10);
  credits.press();
  const begun = await flow(credits, { perSecond: 2_000, forMs: 300 });
  expect(begun).toBeGreaterThan(20);
  expect(begun).toBeLessThan(150);
});

test('what lasts is no spike: within a minute nothing is held back any more, until they were quick for a while', async () => {
  const credits = creditsOnClock();
  await press(credits, 10);
  expect(credits.perSecond()).toBeLessThan(150);
  await press(credits, 400);
  expect(credits.perSecond()).toBe(Infinity);
  await press(credits, 100);
  expect(credits.perSecond()).toBe(Infinity);
  credits.pass(11_000);
  await press(credits, 10);
  expect(credits.perSecond()).toBeLessThan(150);
});

test('when that is not said again, everything may begin within two seconds', async () => {
  const credits = creditsOnClock();
  await flow(credits, { perSecond: 2_000, forMs: 2_000 });
  await press(credits, 20);
  expect(credits.perSecond()).toBeLessThan(100);
  credits.pass(2_500);
  expect(credits.perSecond()).toBe(Infinity);
  const atMs = credits.nowMs();
  expect(await credits.take(200)).toBe(200);
  expect(credits.nowMs()).toBe(atMs);
});

test('what was taken and not begun may begin later', async () => {
  const credits = creditsOnClock();
  await press(credits, 20);
  await credits.take(12);
  credits.give(12);
  const atMs = credits.nowMs();
  expect(await credits.take(10)).toBeGreaterThanOrEqual(10);
  expect(credits.nowMs()).toBe(atMs);
});

test('what waits goes in order', async () => {
  const credits = creditsOnClock();
  await press(credits, 20);
  const order: number[] = [];
  const takes = [1, 2, 3, 4].map((n) => credits.take(10).then(() => order.push(n)));
  await Promise.all(takes);
  expect(order).toEqual([1, 2, 3, 4]);
});

test('what waits when everything ends goes at once', async () => {
  const waits: (() => void)[] = [];
  const credits = createCredits({ wait: () => new Promise((go) => waits.push(() => go(null))) });
  credits.press();
  const taken = credits.take(50);
  await expect.poll(() => waits.length).toBe(1);
  credits.close();
  waits[0]!();
  expect(await taken).toBe(50);
  expect(await credits.take(500)).toBe(500);
});
