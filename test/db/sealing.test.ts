import { expect, test } from 'vitest';
import { createSealer, SealError } from '../../src/db/sealing.ts';

const CONTEXT = 'tm_1/sources/src_1';
const sealer = createSealer('a key of high entropy');

test('what was sealed is opened with the same key and for the same place', () => {
  const value = { secret: 'whsec_1', list: [1, null, 'ü'] };
  expect(sealer.open(sealer.seal(value, CONTEXT), CONTEXT)).toEqual(value);
  expect(createSealer('a key of high entropy').open(sealer.seal(1, CONTEXT), CONTEXT)).toBe(1);
});

test('the same value sealed twice looks different, and nothing of it shows', () => {
  const [one, two] = [sealer.seal('secret', CONTEXT), sealer.seal('secret', CONTEXT)];
  expect(one.equals(two)).toBe(false);
  expect(one.includes('secret')).toBe(false);
});

test('neither another key, another place nor a changed bit opens it', () => {
  const sealed = sealer.seal('secret', CONTEXT);
  expect(() => createSealer('another key').open(sealed, CONTEXT)).toThrow(SealError);
  expect(() => sealer.open(sealed, 'tm_1/sources/src_2')).toThrow(SealError);
  for (let byte = 0; byte < sealed.length; byte++) {
    const changed = Buffer.from(sealed);
    changed[byte]! ^= 1;
    expect(() => sealer.open(changed, CONTEXT), `byte ${byte}`).toThrow(SealError);
  }
});

test('what is cut short is refused, whatever is left of it', () => {
  const sealed = sealer.seal('secret', CONTEXT);
  for (const length of [0, 1, 12, 28, sealed.length - 1]) {
    expect(() => sealer.open(sealed.subarray(0, length), CONTEXT), `${length}`).toThrow(SealError);
  }
});
