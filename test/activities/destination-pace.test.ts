import { describe, expect, test } from 'vitest';
import { createDestinationPace } from '../../src/activities/destination-pace.ts';

function pace() {
  let nowMs = 1_000_000;
  const all = createDestinationPace(() => nowMs);
  return { ...all, pass: (ms: number) => (nowMs += ms) };
}

const QUICK = { delivered: true, latencyMs: 5 };

describe('a destination', () => {
  test('is fast while what it was lately sent went quickly, and unknown before and a minute after', () => {
    const { record, isFast, pass } = pace();
    expect(isFast('des_1')).toBe(false);
    record('des_1', QUICK);
    expect(isFast('des_1')).toBe(true);
    expect(isFast('des_2')).toBe(false);
    pass(60_001);
    expect(isFast('des_1')).toBe(false);
  });

  test('is not fast after a failure, nor while one attempt has had no answer for long', () => {
    const { record, isFast, begin, pass } = pace();
    record('des_1', { delivered: false, latencyMs: 5 });
    expect(isFast('des_1')).toBe(false);
    record('des_1', QUICK);
    const over = begin('des_1');
    expect(isFast('des_1')).toBe(true);
    pass(501);
    expect(isFast('des_1')).toBe(false);
    over();
    expect(isFast('des_1')).toBe(true);
  });

  test('is silent when many attempts are under way and none is heard of', () => {
    const { record, begin, isSilent, pass } = pace();
    record('des_1', QUICK);
    for (let n = 0; n < 15; n++) begin('des_1');
    pass(5_000);
    // A few that take long are no reason to keep others back.
    expect(isSilent('des_1')).toBe(false);
    const over = begin('des_1');
    expect(isSilent('des_1')).toBe(true);
    record('des_1', { delivered: true, latencyMs: 4_000 });
    expect(isSilent('des_1')).toBe(false);
    pass(1_001);
    expect(isSilent('des_1')).toBe(true);
    over();
    expect(isSilent('des_1')).toBe(false);
  });
});
