import { expect, test } from 'vitest';
import { parseWithEqualNumbers } from '../../src/domain/numbers/parse.ts';
import { laneKeyOf } from '../../src/domain/lane.ts';

const parts = {
  body: { customer_id: 'c1', nul: 'a\0b', long: 'x'.repeat(1_000) },
  headers: {},
  query: {},
  path: '/',
};

test('an event goes in the lane of what stands at the key', () => {
  expect(laneKeyOf({ key: 'body.customer_id' }, parts)).toBe('c1');
});

test('an event without the key goes in the lane of the empty key', () => {
  expect(laneKeyOf({ key: 'body.nobody' }, parts)).toBe('');
});

test.each([
  ['8202522731445525542', '8202522731445525542'],
  ['8202522731445525543', '8202522731445525543'],
  ['1.10', '1.1'],
  ['1e2', '100'],
  ['-0', '0'],
  ['10e399', '1e+400'],
  ['[8202522731445525542,1.0]', '[8202522731445525542,1]'],
])('the number %s is the key %s', (text, key) => {
  const own = { ...parts, body: parseWithEqualNumbers(`{"id":${text}}`) };
  expect(laneKeyOf({ key: 'body.id' }, own)).toBe(key);
});

test('a number and a text of the same digits are one key', () => {
  const keyOf = (id: string) =>
    laneKeyOf({ key: 'body.id' }, { ...parts, body: parseWithEqualNumbers(`{"id":${id}}`) });
  expect(['7', '7.0', '"7"'].map(keyOf)).toEqual(['7', '7', '7']);
  expect(['null', '""'].map(keyOf)).toEqual(['', '']);
});

test('null is no key, and the text null is one', () => {
  const body = { nothing: null, text: 'null' };
  expect(laneKeyOf({ key: 'body.nothing' }, { ...parts, body })).toBe('');
  expect(laneKeyOf({ key: 'body.text' }, { ...parts, body })).toBe('null');
});

test('all events of a connection that orders without a key share a lane', () => {
  expect(laneKeyOf({ key: null }, parts)).toBe('');
});

test('an event of a connection without order has no lane', () => {
  expect(laneKeyOf(null, parts)).toBeNull();
  expect(laneKeyOf(undefined, parts)).toBeNull();
});

test('a key can be stored whatever it holds', () => {
  expect(laneKeyOf({ key: 'body.nul' }, parts)).toBe('a\uFFFDb');
  expect(laneKeyOf({ key: 'body.long' }, parts)).toHaveLength(256);
});
