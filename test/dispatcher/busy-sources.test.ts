import { expect, test } from 'vitest';
import { createBusySources } from '../../src/dispatcher/busy-sources.ts';

function busySources() {
  let nowMs = 0;
  const busy = createBusySources({ lanesPerSource: 2, patienceMs: 200, now: () => nowMs });
  return { ...busy, pass: (ms: number) => void (nowMs += ms) };
}

test('a source whose lane has just begun has its share: what comes meanwhile goes together', () => {
  const { enter, hasItsShare } = busySources();
  expect(hasItsShare('src_1')).toBe(false);
  const leave = enter('src_1', { isFull: false });
  expect(hasItsShare('src_1')).toBe(true);
  expect(hasItsShare('src_2')).toBe(false);
  leave();
  expect(hasItsShare('src_1')).toBe(false);
});

test('it gets a second lane where the first is full, or takes long, and no third', () => {
  const { enter, hasItsShare, pass } = busySources();
  enter('full', { isFull: true });
  expect(hasItsShare('full')).toBe(false);
  enter('full', { isFull: true });
  expect(hasItsShare('full')).toBe(true);
  enter('slow', { isFull: false });
  pass(200);
  expect(hasItsShare('slow')).toBe(false);
  const leave = enter('slow', { isFull: false });
  pass(200);
  expect(hasItsShare('slow')).toBe(true);
  leave();
  expect(hasItsShare('slow')).toBe(false);
});

test('tells whether any lane is busy', () => {
  const { any, enter } = busySources();
  const leave = enter('src_1', { isFull: false });
  expect(any()).toBe(true);
  leave();
  expect(any()).toBe(false);
});

test('counts the lanes that work for such sources', () => {
  const { enter, lanesFor } = busySources();
  enter('src_1', { isFull: true });
  const leave = enter('src_1', { isFull: true });
  enter('src_2', { isFull: true });
  expect(lanesFor((id) => id === 'src_1')).toBe(2);
  leave();
  expect(lanesFor((id) => id === 'src_1')).toBe(1);
});
