import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalNumber } from '../../../src/domain/numbers/decimal.ts';
import { ExactNumber, withDoubles } from '../../../src/domain/numbers/exact-number.ts';
import { parseAsWritten, parseWithEqualNumbers } from '../../../src/domain/numbers/parse.ts';
import { canonicalJson } from '../../../src/domain/payload-path.ts';
import { jsonText, numbersIn } from './numbers.ts';

describe('JSON as it was written', () => {
  test('is written again as it came', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(JSON.stringify(parseAsWritten(text))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  test('keeps its numbers between any white space, and where names are written with escapes', () => {
    const text = ' { "\\u0061\\"" : [ 1.10 ,\n-0 , {"b":\t1e400 } ] , "c":"1.10", "\\\\":2.50}\r\n';
    expect(numbersIn(JSON.stringify(parseAsWritten(text)))).toEqual(numbersIn(text));
  });

  test('is the value that JSON.parse reads, but for exact numbers', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(withDoubles(parseAsWritten(text))).toEqual(JSON.parse(text));
        expect(withDoubles(parseWithEqualNumbers(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test.each([
    ['{"a":8202522731445525542,"a":1}', '{"a":1}'],
    ['{"a":1,"a":8202522731445525542}', '{"a":8202522731445525542}'],
    ['{"a":8202522731445525542,"a":8202522731445526000}', '{"a":8202522731445526000}'],
    ['{"a":1e-400,"a":0}', '{"a":0}'],
    ['{"a":{"b":1.10},"a":[7]}', '{"a":[7]}'],
    ['{"a":[1e400],"a":{"b":1.10}}', '{"a":{"b":1.10}}'],
    ['{"__proto__":1.10,"a":{"__proto__":1e400}}', '{"__proto__":1.10,"a":{"__proto__":1e400}}'],
  ])('takes the last of members with one name: %s', (text, expected) => {
    expect(JSON.stringify(parseAsWritten(text))).toBe(expected);
    const equal = canonicalJson(parseWithEqualNumbers(text));
    expect(equal).toBe(canonicalJson(parseWithEqualNumbers(expected)));
  });

  test.each(['', '{', '[1.10', '01', '1.', '-', '{"a":1.10}x', 'NaN', '1e'])(
    'refuses %j',
    (text) => {
      expect(() => parseAsWritten(text)).toThrow(SyntaxError);
      expect(() => parseWithEqualNumbers(text)).toThrow(SyntaxError);
    },
  );
});

describe('JSON whose equal numbers are equal', () => {
  test('holds doubles where they say it all, and exact numbers where they do not', () => {
    const value = parseWithEqualNumbers('[1.10, 1e2, 12345678901234567890, 0.1, 1e400, -0]');
    expect(value).toEqual([1.1, 100, expect.any(ExactNumber), 0.1, expect.any(ExactNumber), -0]);
  });

  test('has one text for equal values, and two for others', () => {
    fc.assert(
      fc.property(jsonText, jsonText, (left, right) => {
        const [a, b] = [left, right].map((text) => canonicalJson(parseWithEqualNumbers(text)));
        const [c, d] = [left, right].map((text) => canonicalJson(oracle(text)));
        expect(a === b).toBe(c === d);
      }),
    );
    const one = '{"id":8202522731445525542}';
    const other = '{"id":8202522731445525543}';
    expect(canonicalJson(parseWithEqualNumbers(one))).toBe(one);
    expect(canonicalJson(parseWithEqualNumbers(other))).toBe(other);
  });
});

/** The same with every number as a marked text. */
function oracle(text: string): unknown {
  const revive = (_key: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' ? { '\0number': canonicalNumber(source ?? '') } : value;
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown) as unknown;
}
