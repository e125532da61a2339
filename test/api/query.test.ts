import { expect, test } from 'vitest';
import { parseQuery } from '../../src/api/query.ts';

test('three ways to write a list are one', () => {
  const list = { id: ['a', 'b'] };
  expect(parseQuery('id=a&id=b')).toEqual(list);
  expect(parseQuery('id[0]=a&id[1]=b')).toEqual(list);
  expect(parseQuery('id[]=a&id[]=b')).toEqual(list);
  expect(parseQuery('id%5B%5D=a&id%5B%5D=b')).toEqual(list);
  expect(parseQuery('id[0]=a')).toEqual({ id: ['a'] });
  expect(parseQuery('id=a')).toEqual({ id: 'a' });
});

test('brackets with a name make an object, also with a list in it', () => {
  expect(parseQuery('created_at[gte]=1&created_at[lt]=2')).toEqual({
    created_at: { gte: '1', lt: '2' },
  });
  expect(parseQuery('filters[webhook_id][]=a&filters[webhook_id][]=b')).toEqual({
    filters: { webhook_id: ['a', 'b'] },
  });
});

test('values are taken as they are written', () => {
  expect(parseQuery('a=%20+%2B&b=&c&d=%F0%9F%92%A9=1')).toEqual({
    a: '  +',
    b: '',
    c: '',
    d: '💩=1',
  });
  expect(parseQuery('')).toEqual({});
});

test('what could be taken for something else is refused', () => {
  for (const text of [
    'a[=1',
    'a]=1',
    '[a]=1',
    '=1',
    'a[b][c][d]=1',
    '__proto__=1',
    'a[__proto__]=1',
  ]) {
    expect(() => parseQuery(text)).toThrow('is not a name that can be read');
  }
  expect(() => parseQuery('a=1&a[b]=2')).toThrow('must not be both a value and an object');
  expect(() => parseQuery('a[b]=1&a=2')).toThrow('must not be both a value and an object');
  expect(() => parseQuery('a=%00')).toThrow('must not hold a NUL character');
  expect(() => parseQuery('a&'.repeat(1_001))).toThrow('at most 1000 parameters');
});
