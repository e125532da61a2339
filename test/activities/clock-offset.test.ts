import { expect, test } from 'vitest';
import { createClockOffset } from '../../src/activities/clock-offset.ts';

test('an answer that was read late does not move the clock', () => {
  const clock = createClockOffset();
  clock.sample(1_000_000, 502);
  clock.sample(1_000_100, 800);
  expect(clock.toOurs(1_000_200)).toBe(702);
});

test('a clock that was set back is followed after a minute', () => {
  const clock = createClockOffset();
  clock.sample(1_000_000, 0);
  for (let ms = 10_000; ms <= 80_000; ms += 10_000) clock.sample(1_000_000 + ms - 5_000, ms);
  expect(clock.toOurs(1_000_000)).toBe(5_000 - 0);
});

test('a first answer is not believed alone, nor the first after a long rest', () => {
  const clock = createClockOffset();
  const see = (ms: number) => clock.sample(1_000_000 + ms, ms);
  for (let ms = 0; ms < 5; ms++) {
    expect(clock.isUncertain(ms)).toBe(true);
    see(ms);
  }
  expect(clock.isUncertain(5)).toBe(false);
  expect(clock.isUncertain(61_000)).toBe(true);
  see(61_000);
  expect(clock.isUncertain(61_000)).toBe(true);
});
