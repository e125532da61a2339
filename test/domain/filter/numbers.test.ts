import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileFilter, compileRuleFilter } from '../../../src/domain/filter.ts';
import { canonicalNumber, compareNumbers } from '../../../src/domain/numbers/decimal.ts';
import { parseAsWritten, parseWithEqualNumbers } from '../../../src/domain/numbers/parse.ts';
import { validateFilter } from '../../../src/domain/filter-validation.ts';
import { numberText } from '../numbers/numbers.ts';

/** Whether a filter takes a body, both as JSON text: one as configuration is read, the other as requests are. */
function takes(filter: string, body: string): boolean {
  return compileFilter(parseAsWritten(filter)).matches(parseWithEqualNumbers(body));
}

const ONE = '8202522731445525542';
const OTHER = '8202522731445525543';

describe('numbers that are one double are told apart', () => {
  test.each([
    ['a plain value', `{"id":${ONE}}`],
    ['$eq', `{"id":{"$eq":${ONE}}}`],
    ['$in', `{"id":{"$in":[1,"x",${ONE}]}}`],
    ['$gte and $lte', `{"id":{"$gte":${ONE},"$lte":${ONE}}}`],
    ['$lt', `{"id":{"$lt":${OTHER}}}`],
    ['$or', `{"$or":[{"id":${ONE}},{"id":1}]}`],
    ['$or of values', `{"id":{"$or":[${ONE},5]}}`],
    ['$and', `{"$and":[{"id":${ONE}}]}`],
    ['its text, loosely', `{"id":"${ONE}"}`],
    ['its text with $eq', `{"id":{"$eq":"${ONE}"}}`],
    ['$gt of a text', `{"id":{"$gt":"8202522731445525541","$lt":"${OTHER}"}}`],
  ])('%s', (_name, filter) => {
    expect(takes(filter, `{"id":${ONE}}`)).toBe(true);
    expect(takes(filter, `{"id":${OTHER}}`)).toBe(false);
  });

  test.each([
    ['$neq', `{"id":{"$neq":${ONE}}}`],
    ['$nin', `{"id":{"$nin":[${ONE},1]}}`],
    ['$gt', `{"id":{"$gt":${ONE}}}`],
    ['$not', `{"$not":{"id":${ONE}}}`],
  ])('%s', (_name, filter) => {
    expect(takes(filter, `{"id":${ONE}}`)).toBe(false);
    expect(takes(filter, `{"id":${OTHER}}`)).toBe(true);
  });

  test('in lists, in lists of objects, and in lists and objects compared as a whole', () => {
    expect(takes(`{"ids":${ONE}}`, `{"ids":[1,${ONE}]}`)).toBe(true);
    expect(takes(`{"ids":${ONE}}`, `{"ids":[1,${OTHER}]}`)).toBe(false);
    expect(takes(`{"items":{"id":${ONE},"n":1}}`, `{"items":[{"id":${ONE},"n":1}]}`)).toBe(true);
    expect(takes(`{"items":{"id":${ONE},"n":1}}`, `{"items":[{"id":${OTHER},"n":1}]}`)).toBe(false);
    expect(takes(`{"ids":[${ONE}]}`, `{"ids":[${OTHER}]}`)).toBe(false);
    const whole = `{"a":{"$eq":{"ids":[${ONE},1.10,1e400]}}}`;
    expect(takes(whole, `{"a":{"ids":[${ONE}.0,1.1,10e399]}}`)).toBe(true);
    expect(takes(whole, `{"a":{"ids":[${OTHER},1.1,10e399]}}`)).toBe(false);
  });

  test('where the filter refers to the payload itself', () => {
    const filter = '{"a":{"$ref":"b"},"c":{"$gte":{"$ref":"b"}}}';
    expect(takes(filter, `{"a":${ONE},"b":${ONE},"c":${OTHER}}`)).toBe(true);
    expect(takes(filter, `{"a":${OTHER},"b":${ONE},"c":${OTHER}}`)).toBe(false);
    expect(takes(filter, `{"a":${OTHER},"b":${OTHER},"c":${ONE}}`)).toBe(false);
  });

  test('where the body is the number, and in every part of a rule', () => {
    const failing = compileRuleFilter({
      body: parseAsWritten(ONE),
      query: parseAsWritten(`{"id":${ONE}}`),
    });
    const parts = { headers: {}, query: { id: ONE }, path: '/', body: parseWithEqualNumbers(ONE) };
    expect(failing(parts)).toEqual([]);
    expect(failing({ ...parts, body: parseWithEqualNumbers(OTHER), query: { id: OTHER } })).toEqual(
      ['body', 'query'],
    );
  });

  test('a double and the text of a number near it', () => {
    expect(takes('{"id":"8202522731445525542"}', '{"id":8202522731445526000}')).toBe(false);
    expect(takes('{"id":"8202522731445526000"}', '{"id":8202522731445526000}')).toBe(true);
    expect(takes('{"id":8202522731445526000}', `{"id":"${ONE}"}`)).toBe(false);
  });
});

describe('numbers that are equal are equal however they are written', () => {
  test.each([
    ['1.10', '1.1'],
    ['1e2', '100'],
    ['100.0', '1E2'],
    ['-0', '0'],
    ['1e400', '10e399'],
    ['82025227314455255.420e2', ONE],
  ])('%s and %s', (left, right) => {
    for (const [a, b] of [
      [left, right],
      [right, left],
    ] as const) {
      expect(takes(`{"n":${a}}`, `{"n":${b}}`)).toBe(true);
      expect(takes(`{"n":{"$in":[${a}]}}`, `{"n":${b}}`)).toBe(true);
      expect(takes(`{"n":{"$gte":${a},"$lte":${a}}}`, `{"n":${b}}`)).toBe(true);
      expect(takes(`{"n":{"$neq":${a}}}`, `{"n":${b}}`)).toBe(false);
    }
  });

  test('and so are the answers of all operators', () => {
    fc.assert(
      fc.property(numberText, numberText, (filter, body) => {
        const isEqual = canonicalNumber(filter) === canonicalNumber(body);
        const order = compareNumbers(body, filter)!;
        const asked = (operator: string) =>
          takes(`{"n":{"${operator}":${filter}}}`, `{"n":${body}}`);
        expect(takes(`{"n":${filter}}`, `{"n":${body}}`)).toBe(isEqual);
        expect(asked('$eq')).toBe(isEqual);
        expect(asked('$neq')).toBe(!isEqual);
        expect(asked('$gt')).toBe(order > 0);
        expect(asked('$gte')).toBe(order >= 0);
        expect(asked('$lt')).toBe(order < 0);
        expect(asked('$lte')).toBe(order <= 0);
        expect(takes(`{"n":{"$in":[${filter}]}}`, `{"n":${body}}`)).toBe(isEqual);
        expect(takes(`{"n":{"$nin":[${filter}]}}`, `{"n":${body}}`)).toBe(!isEqual);
      }),
      { numRuns: 500 },
    );
  });
});

test('an exact number is no text, no truth and no object', () => {
  expect(takes(`{"id":{"$in":["${ONE}"]}}`, `{"id":${ONE}}`)).toBe(false);
  expect(takes('{"id":{"$startsWith":"82"}}', `{"id":${ONE}}`)).toBe(false);
  expect(takes('{"id":true}', `{"id":${ONE}}`)).toBe(false);
  expect(takes('{"id":null}', `{"id":${ONE}}`)).toBe(false);
  expect(takes('{"id":{}}', `{"id":${ONE}}`)).toBe(takes('{"id":{}}', '{"id":1}'));
  expect(takes('{"id":{"text":{"$exist":false}}}', `{"id":${ONE}}`)).toBe(
    takes('{"id":{"text":{"$exist":false}}}', '{"id":1}'),
  );
  expect(takes('{"id":"no number, but longer than one"}', `{"id":${ONE}}`)).toBe(false);
  expect(takes('{"id":{"$lt":"no number, but longer"}}', `{"id":${ONE}}`)).toBe(false);
  expect(takes('{"id":{"$gt":""}}', `{"id":${ONE}}`)).toBe(true);
});

test('a filter may be saved with any number', () => {
  const filter = `{"a":${ONE},"b":{"$in":[1e400,"x"],"$gt":-1e400},"c":[1.10],"d":{"$eq":${OTHER}}}`;
  expect(validateFilter(parseAsWritten(filter))).toEqual([]);
  expect(validateFilter(parseAsWritten(`{"a":{"$startsWith":${ONE}}}`))).toHaveLength(1);
  expect(validateFilter(parseAsWritten(`{"a":{"$or":${ONE}}}`))).toHaveLength(1);
});
