import { expect, test } from 'vitest';
import { createBodySizes } from '../../src/activities/body-sizes.ts';

const MIB = 1024 * 1024;

test('the larger the bodies, the fewer events are begun at once', () => {
  const sizes = createBodySizes();
  expect(sizes.most('new')).toBe(25);
  sizes.record('small', [Buffer.alloc(2_000)]);
  expect(sizes.most('small')).toBe(64);
  sizes.record('large', [Buffer.alloc(10), Buffer.alloc(10 * MIB)]);
  expect(sizes.most('large')).toBe(1);
});

test('a body that was large is forgotten after many that are small', () => {
  const sizes = createBodySizes();
  sizes.record('a', [Buffer.alloc(10 * MIB)]);
  for (let n = 0; n < 100; n++) sizes.record('a', [Buffer.alloc(10)]);
  expect(sizes.most('a')).toBe(64);
});
