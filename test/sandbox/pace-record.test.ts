import { expect, test } from 'vitest';
import { createPaceRecord } from '../../src/sandbox/pace-record.ts';

test('a version is quick after its first short run, and not before', () => {
  const pace = createPaceRecord({ slowAfterMs: 100, provingRuns: 3 });
  expect(pace.isQuick('v1')).toBe(false);
  pace.record('v1', 99);
  expect(pace.isQuick('v1')).toBe(true);
});

test('one that was slow is quick again only after a row of short runs', () => {
  const pace = createPaceRecord({ slowAfterMs: 100, provingRuns: 3 });
  pace.record('v1', 100);
  for (const tookMs of [1, 1, 200, 1, 1]) pace.record('v1', tookMs);
  expect(pace.isQuick('v1')).toBe(false);
  pace.record('v1', 1);
  expect(pace.isQuick('v1')).toBe(true);
});
