import { expect, test } from 'vitest';
import { compileRuleFilter, explainRuleFilter } from '../../../src/domain/filter.ts';

const ORDER = {
  headers: { 'x-env': 'test', authorization: 'Bearer abc' },
  body: {
    type: 'order.paid',
    amount: 50,
    customer: { id: 7, tier: 'free' },
    items: [{ id: 1 }, { id: 2 }],
  },
  query: { page: '1' },
  path: '/v1/orders',
};

function mismatches(rule: object, parts: typeof ORDER | object = ORDER) {
  const given = { ...ORDER, ...parts };
  const failing = compileRuleFilter(rule)(given);
  expect(failing).not.toEqual([]);
  return explainRuleFilter(rule)(given, failing);
}

test('every key that did not match is named, with its condition and what was there', () => {
  const rule = {
    headers: { 'x-env': 'live' },
    body: { type: { $startsWith: 'order.' }, amount: { $gte: 100 }, customer: { tier: 'gold' } },
    path: { $startsWith: '/v2/' },
  };
  expect(mismatches(rule)).toEqual([
    { path: 'headers.x-env', expected: 'live', actual: 'test' },
    { path: 'body.amount', expected: { $gte: 100 }, actual: 50 },
    { path: 'body.customer.tier', expected: 'gold', actual: 'free' },
    { path: 'path', expected: { $startsWith: '/v2/' }, actual: '/v1/orders' },
  ]);
});

test.each<[string, object, object[]]>([
  [
    'a key that is missing has no value',
    { customer: { email: 'a@b' } },
    [{ path: 'body.customer.email', expected: 'a@b' }],
  ],
  ['a key with a dot stands in brackets', { 'a.b': 1 }, [{ path: 'body["a.b"]', expected: 1 }]],
  [
    'a list is told as a whole',
    { items: { id: 9 } },
    [{ path: 'body.items', expected: { id: 9 }, actual: [{ id: 1 }, { id: 2 }] }],
  ],
  [
    'of $or each alternative is told',
    { $or: [{ amount: { $gte: 100 } }, { customer: { tier: 'gold' } }] },
    [
      { path: 'body.amount', expected: { $gte: 100 }, actual: 50 },
      { path: 'body.customer.tier', expected: 'gold', actual: 'free' },
    ],
  ],
  [
    'an $or that matched is not told',
    { $or: [{ amount: 1 }, { amount: 50 }], type: 'refund' },
    [{ path: 'body.type', expected: 'refund', actual: 'order.paid' }],
  ],
  [
    'an $or on a value is told with the value',
    { amount: { $or: [1, 5] } },
    [{ path: 'body.amount', expected: { $or: [1, 5] }, actual: 50 }],
  ],
  [
    'of $and the branches that failed are told',
    { $and: [{ amount: 50 }, { type: 'refund' }] },
    [{ path: 'body.type', expected: 'refund', actual: 'order.paid' }],
  ],
  [
    'a $not is told with the key it names',
    { $not: { customer: { tier: 'free' } } },
    [{ path: 'body.customer.tier', expected: { $not: 'free' }, actual: 'free' }],
  ],
  [
    'a $ref is told as it is written',
    { amount: { $lt: { $ref: 'customer.id' } } },
    [{ path: 'body.amount', expected: { $lt: { $ref: 'customer.id' } }, actual: 50 }],
  ],
  [
    'a $ref that cannot be read is told, too',
    { amount: { $lt: { $ref: 'items[$index].id' } } },
    [{ path: 'body.amount', expected: { $lt: { $ref: 'items[$index].id' } }, actual: 50 }],
  ],
])('%s', (_, body, expected) => {
  expect(mismatches({ body })).toEqual(expected);
});

test('a body that is no JSON is told as its text, cut', () => {
  const [only] = mismatches({ body: { type: 'a' } }, { body: 'text '.repeat(1_000) });
  expect(only).toEqual({
    path: 'body',
    expected: { type: 'a' },
    actual: `${'text '.repeat(40)}…`,
  });
});

test('at most five keys are told', () => {
  const keys = Array.from({ length: 9 }, (_, index) => [`k${index}`, 1]);
  expect(mismatches({ body: Object.fromEntries(keys), path: '/other' })).toHaveLength(5);
});

test('secrets are redacted, on both sides', () => {
  expect(mismatches({ headers: { authorization: 'Bearer xyz' }, query: { token: 'a' } })).toEqual([
    { path: 'headers.authorization', expected: '[redacted]', actual: '[redacted]' },
    { path: 'query.token', expected: '[redacted]' },
  ]);
});

test('a filter that looks at very much is told without looking at all of it again', () => {
  const rows = Array.from({ length: 200_000 }, (_, id) => ({ id }));
  const [only] = mismatches({ body: { rows: { id: -1 } } }, { body: { rows } });
  expect(only).toMatchObject({ path: 'body', expected: { rows: { id: -1 } } });
});
