import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseWithEqualNumbers } from '../../src/domain/numbers/parse.ts';
import { deduplicationText, validateDeduplicateRule } from '../../src/domain/deduplicate.ts';
import type { ComparedParts, DeduplicateRule } from '../../src/domain/deduplicate.ts';

const whole: DeduplicateRule = { windowMs: 60_000 };
const parts: ComparedParts = {
  headers: { 'X-Request-Id': 'r1', host: 'a' },
  body: {
    id: 1,
    at: '10:00',
    items: [
      { sku: 'a', seen: 1 },
      { sku: 'b', seen: 2 },
    ],
  },
  query: { page: '1' },
  path: '/in',
};

function same(rule: DeduplicateRule, left: ComparedParts, right: ComparedParts): boolean {
  return deduplicationText(rule, left) === deduplicationText(rule, right);
}

function withBody(body: unknown): ComparedParts {
  return { ...parts, body };
}

function including(...includeFields: string[]): DeduplicateRule {
  return { ...whole, includeFields };
}

function excluding(...excludeFields: string[]): DeduplicateRule {
  return { ...whole, excludeFields };
}

describe('a whole event', () => {
  test('is the same when every part is, whatever the order of keys', () => {
    expect(same(whole, parts, structuredClone(parts))).toBe(true);
    expect(same(whole, withBody({ a: 1, b: 2 }), withBody({ b: 2, a: 1 }))).toBe(true);
  });

  test.each([
    { headers: { host: 'b' } },
    { body: { id: 2 } },
    { query: {} },
    { path: '/other' },
    { body: null },
    { body: '{"id":1}' },
  ])('is another one with %j', (change) => {
    expect(same(whole, parts, { ...parts, ...change })).toBe(false);
  });

  test('tells a body that is JSON from the text of it', () => {
    expect(same(whole, withBody({ a: 1 }), withBody('{"a":1}'))).toBe(false);
  });

  test('is compared by its exact body where that is known: large numbers round when parsed', () => {
    const [left, right] = ['{"id":90071992547409931}', '{"id":90071992547409932}'].map((text) => ({
      ...withBody(JSON.parse(text)),
      exactBody: text,
    }));
    if (left === undefined || right === undefined) throw new Error('two bodies');
    expect(left.body).toEqual(right.body);
    expect(same(whole, left, right)).toBe(false);
    expect(same(whole, left, { ...left })).toBe(true);
  });

  test('is what empty lists of fields mean', () => {
    const rule = { ...whole, includeFields: [], excludeFields: null };
    expect(deduplicationText(rule, parts)).toBe(deduplicationText(whole, parts));
  });
});

describe('included fields', () => {
  test('alone decide', () => {
    const rule = including('body.id', 'headers.x-request-id');
    expect(same(rule, parts, { ...withBody({ id: 1, other: 2 }), path: '/x' })).toBe(true);
    expect(same(rule, parts, withBody({ id: 2 }))).toBe(false);
    expect(same(rule, parts, { ...parts, headers: {} })).toBe(false);
  });

  test('that are missing are equal to each other and to empty ones', () => {
    const rule = including('body.nowhere');
    expect(same(rule, parts, withBody({}))).toBe(true);
    expect(same(rule, parts, withBody({ nowhere: '' }))).toBe(true);
    expect(same(rule, parts, withBody({ nowhere: 'x' }))).toBe(false);
  });

  test('reach into lists', () => {
    const rule = including('body.items[*].sku');
    expect(same(rule, parts, withBody({ items: [{ sku: 'a' }, { sku: 'b' }] }))).toBe(true);
    expect(same(rule, parts, withBody({ items: [{ sku: 'b' }, { sku: 'a' }] }))).toBe(false);
  });

  test('of a body that is no JSON are its full text, and nothing inside', () => {
    expect(same(including('body'), withBody('a'), withBody('b'))).toBe(false);
    expect(same(including('body.x'), withBody('a'), withBody('b'))).toBe(true);
  });

  test('cannot run into each other', () => {
    const rule = including('body.a', 'body.b');
    const left = withBody({ a: 'x","y', b: '' });
    expect(same(rule, left, withBody({ a: 'x', b: 'y' }))).toBe(false);
  });
});

describe('numbers', () => {
  const read = (text: string) => withBody(parseWithEqualNumbers(text));
  const [one, other] = [
    '{"id":8202522731445525542,"ids":[{"n":8202522731445525542}],"at":1}',
    '{"id":8202522731445525543,"ids":[{"n":8202522731445525543}],"at":2}',
  ].map(read) as [ComparedParts, ComparedParts];

  test.each([
    including('body.id'),
    including('body.ids[*].n'),
    including('body.ids[0].n'),
    including('body.ids'),
    excluding('body.at'),
    excluding('body.at', 'body.id'),
    excluding('body.id.deeper', 'body.at'),
  ])('that differ are two, though they are one double: %j', (rule) => {
    expect(same(rule, one, other)).toBe(false);
    expect(same(rule, one, structuredClone({ ...one, body: null }))).toBe(false);
  });

  test('that are equal are one, however they are written', () => {
    const left = read('{"a":1.10,"b":[1e2,-0,1e400,8202522731445525542]}');
    const right = read('{"b":[100.0,0,10e399,82025227314455255.42e2],"a":1.1}');
    for (const rule of [including('body.a', 'body.b'), excluding('path'), whole]) {
      expect(same(rule, left, right)).toBe(true);
    }
  });

  test('are not their texts', () => {
    const rule = including('body.id');
    expect(same(rule, read('{"id":5}'), read('{"id":"5"}'))).toBe(false);
    expect(same(rule, one, read('{"id":"8202522731445525542"}'))).toBe(false);
  });
});

describe('excluded fields', () => {
  test('do not count, and everything else does', () => {
    const rule = excluding('body.at', 'headers.x-request-id');
    const later = { ...parts, body: { ...Object(parts.body), at: '11:00' } };
    expect(same(rule, parts, { ...later, headers: { 'X-Request-Id': 'r2', host: 'a' } })).toBe(
      true,
    );
    expect(same(rule, parts, { ...later, headers: { 'X-Request-Id': 'r2', host: 'b' } })).toBe(
      false,
    );
    expect(same(rule, parts, { ...later, path: '/x' })).toBe(false);
  });

  test('may be there or not', () => {
    expect(same(excluding('body.b'), withBody({ a: 1, b: 2 }), withBody({ a: 1 }))).toBe(true);
  });

  test('may be a whole part', () => {
    expect(same(excluding('headers'), parts, { ...parts, headers: {} })).toBe(true);
    expect(same(excluding('headers'), parts, { ...parts, headers: {}, path: '/x' })).toBe(false);
  });

  test('reach into lists, into all elements or one', () => {
    const other = withBody({
      id: 1,
      at: '10:00',
      items: [
        { sku: 'a', seen: 9 },
        { sku: 'b', seen: 2 },
      ],
    });
    expect(same(excluding('body.items[*].seen'), parts, other)).toBe(true);
    expect(same(excluding('body.items[0].seen'), parts, other)).toBe(true);
    expect(same(excluding('body.items[1].seen'), parts, other)).toBe(false);
    expect(same(excluding('body.items.0.seen'), parts, other)).toBe(true);
  });

  test('leave a body that is no JSON as it is', () => {
    expect(same(excluding('body.x'), withBody('a'), withBody('b'))).toBe(false);
  });

  test('leave the event itself untouched', () => {
    const before = structuredClone(parts);
    deduplicationText(excluding('body.items[*].seen', 'headers.host', 'query'), parts);
    expect(parts).toEqual(before);
  });
});

test('any event has a text, equal to that of its copy', () => {
  const rules = fc.constantFrom(
    whole,
    including('body.a', 'body'),
    excluding('body.a[*].b', 'query.a'),
  );
  const anyParts = fc.record({
    headers: fc.dictionary(fc.string(), fc.string()),
    body: fc.jsonValue(),
    query: fc.dictionary(fc.string(), fc.string()),
    path: fc.string(),
  });
  fc.assert(
    fc.property(rules, anyParts, (rule, event) => {
      expect(same(rule, event, structuredClone(event))).toBe(true);
    }),
    { seed: 20260901, numRuns: 500 },
  );
});

test('two events have one whole text only when they are equal', () => {
  const bodies: unknown[] = [
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, { 'a":1,"b': 2 }, { a: [1, 2] }, { a: { 0: 1, 1: 2 } }],
    [[1, 2], [[1], 2], [1, [2]], '[1,2]', [], {}, [[]], [{}], '{}'],
    [null, 'null', '', 0, '0', false, 'false', [null], { a: null }],
  ].flat();
  for (const left of bodies) {
    for (const right of bodies) {
      expect(same(whole, withBody(left), withBody(right))).toBe(isDeepStrictEqual(left, right));
    }
  }
});

describe('a rule', () => {
  test.each([1_000, 60_000, 3_600_000, 30 * 86_400_000])(
    'may have a window of %i ms',
    (windowMs) => {
      expect(validateDeduplicateRule({ windowMs })).toEqual([]);
    },
  );

  test.each([0, -1, 999, 1_000.5, 30 * 86_400_000 + 1, NaN, Infinity])(
    'may not have a window of %d ms',
    (windowMs) => {
      expect(validateDeduplicateRule({ windowMs }).map(({ path }) => path)).toEqual(['window']);
    },
  );

  test('includes or excludes, not both', () => {
    const rule = { ...whole, includeFields: ['body.a'], excludeFields: ['body.b'] };
    expect(validateDeduplicateRule(rule).map(({ path }) => path)).toEqual(['exclude_fields']);
    expect(validateDeduplicateRule(including('body.a'))).toEqual([]);
    expect(validateDeduplicateRule(excluding('body.a'))).toEqual([]);
  });

  test('names the field whose path cannot be read', () => {
    expect(validateDeduplicateRule(including('body.a', 'cookie.b', 'body.c[*]'))).toEqual([
      { path: 'include_fields[1]', message: expect.stringContaining('must begin with') },
      { path: 'include_fields[2]', message: expect.stringContaining('after [n] or [*]') },
    ]);
  });
});
