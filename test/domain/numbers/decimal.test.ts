import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalNumber,
  compareNumbers,
  fitsDouble,
} from '../../../src/domain/numbers/decimal.ts';
import { numberText } from './numbers.ts';

/** The exact value as a whole number of 10⁻⁴⁵⁰ths, worked out in another way. */
function exactly(text: string): bigint {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text)!;
  const scaled = BigInt(whole + fraction) * 10n ** BigInt(450 + Number(exponent) - fraction.length);
  return sign === '-' ? -scaled : scaled;
}

describe('the one text of a number', () => {
  test.each([
    ['1.10', '1.1'],
    ['1e2', '100'],
    ['100.00', '100'],
    ['-0', '0'],
    ['0e5', '0'],
    ['-0.0', '0'],
    ['8202522731445525542', '8202522731445525542'],
    ['82025227314455255.42e2', '8202522731445525542'],
    ['1e400', '1e+400'],
    ['10e399', '1e+400'],
    ['-1.5E-400', '-1.5e-400'],
    ['0.0000001', '1e-7'],
    ['0.000001', '0.000001'],
    ['1e-99999999999999999999', '1e-99999999999999999999'],
    ['10e99999999999999999999', '1e+100000000000000000000'],
    ['no number', 'no number'],
  ])('%s is %s', (text, expected) => {
    expect(canonicalNumber(text)).toBe(expected);
  });

  test('is what JavaScript writes, for a double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (double) => {
        const text = `${Object.is(double, -0) ? 0 : double}`;
        // Larger ones are written out here and have an exponent there.
        const isAsThere = Math.abs(double) >= 1e21 || canonicalNumber(text) === text;
        expect(isAsThere).toBe(true);
        expect(Number(canonicalNumber(text))).toBe(Number(text));
      }),
    );
  });

  test('is the same for two numbers exactly when they are equal, and their order is theirs', () => {
    const pair = fc.oneof(
      fc.tuple(numberText, numberText),
      numberText.map((text): [string, string] => [text, canonicalNumber(text)]),
    );
    fc.assert(
      fc.property(pair, ([left, right]) => {
        const [a, b] = [exactly(left), exactly(right)];
        expect(canonicalNumber(left) === canonicalNumber(right)).toBe(a === b);
        expect(compareNumbers(left, right)).toBe(a < b ? -1 : a > b ? 1 : 0);
        expect(compareNumbers(right, left)).toBe(a < b ? 1 : a > b ? -1 : 0);
      }),
      { numRuns: 2_000 },
    );
  });

  test('of a double holds its own value and no other', () => {
    fc.assert(
      fc.property(numberText, (text) => {
        const double = Number(text);
        const own = Number.isFinite(double) && exactly(text) === exactly(`${double}`);
        expect(fitsDouble(text)).toBe(own);
      }),
      { numRuns: 2_000 },
    );
  });

  test('costs no more than reading it, whatever its exponent or its length', () => {
    const long = [`1e${'9'.repeat(1_000_000)}`, `1${'0'.repeat(3_000_000)}1`];
    for (const text of [...long, '1e999999999', '1e-999999999', '-9e99999999999999999999']) {
      expect(canonicalNumber(text).length).toBeLessThan(text.length + 200);
      expect(compareNumbers(text, text)).toBe(0);
      expect(fitsDouble(text)).toBe(false);
    }
    expect(compareNumbers('1e999999999', '1e999999998')).toBe(1);
    expect(compareNumbers(long[0]!, '1e999999999')).toBe(1);
    expect(compareNumbers(`-${long[0]!}`, '1e-999999999')).toBe(-1);
    expect(compareNumbers(`1e-${'9'.repeat(5_000)}`, '0')).toBe(1);
  });
});
