import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { deliveryGroupOf, groupName } from '../../src/domain/delivery-group.ts';
import { parseWithEqualNumbers } from '../../src/domain/numbers/parse.ts';
import { canonicalJson } from '../../src/domain/payload-path.ts';

function groupOf(body: string): string | null {
  const parts = { headers: { 'x-shop': '7' }, query: {}, path: '/' };
  const policy = { groups: { key: 'body.id' } };
  return deliveryGroupOf(policy, { ...parts, body: parseWithEqualNumbers(body) });
}

test('an event has a group only where the policy has groups', () => {
  const parts = { headers: {}, body: { id: 'cus_1' }, query: {}, path: '/' };
  expect(deliveryGroupOf({ groups: { key: 'body.id' } }, parts)).toBe('cus_1');
  expect(deliveryGroupOf({}, parts)).toBeNull();
  expect(deliveryGroupOf(null, parts)).toBeNull();
});

test.each([
  ['{}', ''],
  ['{"id":null}', 'null'],
  ['{"id":"null"}', '"null"'],
  ['{"id":""}', '""'],
  ['{"id":"\\"\\""}', '"\\"\\""'],
  ['{"id":0}', '0'],
  ['{"id":"0"}', '"0"'],
  ['{"id":"1.0"}', '"1.0"'],
  ['{"id":true}', 'true'],
  ['{"id":"true"}', '"true"'],
  ['{"id":[7]}', '[7]'],
  ['{"id":"[7]"}', '"[7]"'],
  ['{"id":"cus_1"}', 'cus_1'],
  ['{"id":"2026-09-01"}', '2026-09-01'],
  ['{"id":"7f9c24e8-3b13"}', '7f9c24e8-3b13'],
])('the group of %s is called %s', (body, name) => {
  expect(groupOf(body)).toBe(name);
});

test.each([
  [['1', '1.0', '1e0', '10e-1'], '1'],
  [['0', '-0', '0.0'], '0'],
  [['8202522731445525543', '8202522731445525543.0'], '8202522731445525543'],
  [['8202522731445525542'], '8202522731445525542'],
  [['{"b":1,"a":2.0}', '{"a":2,"b":1.0}'], '{"a":2,"b":1}'],
])('equal values are one group however they are written: %j', (texts, name) => {
  expect(texts.map((text) => groupOf(`{"id":${text}}`))).toEqual(texts.map(() => name));
});

test('no two JSON values have the same name', () => {
  const alike = fc.constantFrom('null', 'true', '0', '1.0', '""', '"0"', '[]', '{}', '-1', 'a\0b');
  const scalar = fc.constantFrom(null, true, 0, 1, [], {}, -1, 1e21);
  const value = fc.oneof(scalar, alike, fc.string({ maxLength: 3 }));
  fc.assert(
    fc.property(value, value, (one, other) => {
      const areEqual = canonicalJson(one) === canonicalJson(other);
      const [name = '', otherName = ''] = [one, other].map(groupName);
      expect(name === otherName).toBe(areEqual);
      expect(name).not.toBe('');
    }),
  );
});

test('a name can be stored whatever the value holds', () => {
  expect(groupName('a\0b')).toBe('"a\\u0000b"');
  expect(groupName('\ud800')).toBe('"\\ud800"');
  expect(groupName('x'.repeat(1_000))).toHaveLength(256);
});
