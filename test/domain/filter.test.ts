import { describe, expect, test } from 'vitest';
import { compileFilter, compileRuleFilter } from '../../src/domain/filter.ts';

const yes = true;
const no = false;

function matches(schema: unknown, input: unknown): boolean {
  return compileFilter(schema).matches(input);
}

const variants = {
  variants: [
    { updated_at: '2020-05-20', created_at: '2020-04-20' },
    { updated_at: '2020-04-20', created_at: '2020-04-20' },
  ],
};
const between = { count: { $gt: 1, $lt: 3 } };
const exactTags = { tags: { $eq: ['test', 'other'] } };
const both = {
  $not: { test: { test1: 'else2' } },
  $and: [{ test: { test1: 'else' } }, { test: { test2: 'not' } }],
};

describe('the cases people move filters with', () => {
  test.each<[number, unknown, unknown, boolean]>([
    [1, { type: 'order/created' }, { type: 'order/created', order: { id: 123 } }, yes],
    [2, { product: { inventory: 0 } }, { product: { title: 'A', inventory: 0 } }, yes],
    [3, { product: { tags: 'gift' } }, { product: { tags: ['gift', 'something'] } }, yes],
    [
      4,
      { product: { tags: ['gift', 'something'] } },
      { product: { tags: ['gift', 'something', 'another'] } },
      yes,
    ],
    [5, { tags: ['test', 'whatever'] }, { tags: ['test', 'other', 'more'] }, no],
    [6, { order: { items: { id: 456 } } }, { order: { items: [{ id: 456, title: 'x' }] } }, yes],
    [7, { product: { inventory: { $lte: 10 } } }, { product: { inventory: 5 } }, yes],
    [8, { product: { inventory: { $or: [1, 5] } } }, { product: { inventory: 5 } }, yes],
    [9, { $or: [{ hello: 'johny' }, { hello: 'mark' }] }, { hello: 'world' }, no],
    [
      10,
      { updated_at: { $ref: 'created_at' } },
      { updated_at: '2020-04-20', created_at: '2020-04-20' },
      yes,
    ],
    [11, { variants: { updated_at: { $ref: 'variants[$index].created_at' } } }, variants, yes],
    [
      12,
      { inventory: { $lte: { $ref: 'old_inventory' } } },
      { inventory: 0, old_inventory: 10 },
      yes,
    ],
    [13, { old_inventory: { $exist: false } }, { inventory: 0 }, yes],
    [14, { $not: { inventory: 1 } }, { inventory: 0 }, yes],
    [15, { type: 'created' }, {}, no],
    [16, between, { count: 2 }, yes],
    [17, between, { count: 4 }, no],
    [18, { title: { $gt: 'b' } }, { title: 'c' }, yes],
    [19, exactTags, { tags: ['test', 'other'] }, yes],
    [20, exactTags, { tags: ['test', 'other', 'more'] }, no],
    [21, [{ $eq: 3 }], [1, 2, 3], yes],
    [22, { $eq: 3 }, [1, 2, 3], no],
    [23, 3, [1, 2, 3], yes],
    [24, '/test', '/test', yes],
    [25, { test: { $startsWith: ['some', 'else'] } }, { test: 'some-text' }, yes],
    [26, { test: { $endsWith: ['text', 'else'] } }, { test: 'some-text' }, yes],
    [27, { test: { $in: 'text' } }, { test: 'some-text' }, yes],
    [28, { id: { $in: [123, 456] } }, { id: 123 }, yes],
    [29, { tags: { $nin: 'test' } }, { tags: ['test', 'something'] }, no],
    [30, { test: { $gt: [1, 2, 3] } }, { test: 1 }, no],
    [31, { exist: { $neq: null } }, { exist: null }, no],
    [
      32,
      { test: { test1: { $exist: true, $or: ['else', 'not'] } } },
      { test: { test1: 'else' } },
      yes,
    ],
    [
      33,
      { $or: [{ test: { test1: { $exist: true } } }, { test: { test2: { $exist: false } } }] },
      { test: { test3: 'else' } },
      yes,
    ],
    [34, both, { test: { test1: 'else', test2: 'not' } }, yes],
  ])('case %i: %j on %j is %s', (_number, schema, input, expected) => {
    expect(matches(schema, input)).toBe(expected);
  });
});

describe('a rule with several parts', () => {
  const order = { headers: { 'x-topic': 'orders' }, body: { total: 5 }, query: {}, path: '/in' };

  test('matches when every part it names matches on its own root', () => {
    const rule = { headers: { 'x-topic': 'orders' }, body: { total: { $gt: 1 } }, path: '/in' };
    expect(compileRuleFilter(rule)(order)).toEqual([]);
  });

  test('names every failing part, in a fixed order', () => {
    const rule = { path: '/out', query: { page: 1 }, body: { total: 6 }, headers: { host: 'a' } };
    expect(compileRuleFilter(rule)(order)).toEqual(['headers', 'body', 'query', 'path']);
    expect(compileRuleFilter({ ...rule, body: { total: 5 } })(order)).toEqual([
      'headers',
      'query',
      'path',
    ]);
  });

  test('takes everything in a part that is absent or null', () => {
    expect(compileRuleFilter({})(order)).toEqual([]);
    expect(compileRuleFilter({ body: null, headers: undefined })(order)).toEqual([]);
  });

  test('keeps a falsy schema as a condition', () => {
    expect(compileRuleFilter({ body: 0 })({ ...order, body: 0 })).toEqual([]);
    expect(compileRuleFilter({ body: 0 })({ ...order, body: 1 })).toEqual(['body']);
  });

  test('matches a body that is no JSON as one string', () => {
    const text = { ...order, body: '<order id="1"/>' };
    expect(compileRuleFilter({ body: { $startsWith: '<order' } })(text)).toEqual([]);
    expect(compileRuleFilter({ body: { order: { id: 1 } } })(text)).toEqual(['body']);
  });

  test('matches the path as one string, negated as well', () => {
    expect(compileRuleFilter({ path: { $not: '/out' } })(order)).toEqual([]);
    expect(compileRuleFilter({ path: { $not: '/in' } })(order)).toEqual(['path']);
  });

  test('reads references inside the same part only', () => {
    expect(compileRuleFilter({ body: { total: { $ref: 'x-topic' } } })(order)).toEqual(['body']);
  });
});
