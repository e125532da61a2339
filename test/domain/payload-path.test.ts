import { describe, expect, test } from 'vitest';
import {
  canonicalJson,
  parseFieldPath,
  parseKeyPath,
  readValue,
} from '../../src/domain/payload-path.ts';
import type { PayloadParts } from '../../src/domain/payload-path.ts';

const parts: PayloadParts = {
  headers: { 'x-request-id': 'r1', 'Content-Type': 'application/json' },
  body: {
    id: 7,
    name: 'Ada',
    gone: null,
    vip: false,
    address: { town: 'Bern', country: 'CH' },
    items: [{ sku: 'a', tags: [{ t: 1 }, { t: 2 }] }, { sku: 'b' }, 5],
  },
  query: { page: '2' },
  path: '/orders',
};

function field(text: string, from: PayloadParts = parts): string {
  const parsed = parseFieldPath(text);
  if ('error' in parsed) throw new Error(parsed.error);
  const value = readValue(parsed.path, from);
  if (value === undefined) return '';
  return typeof value === 'string' ? value : canonicalJson(value);
}

describe('a field path', () => {
  test.each([
    ['body.id', '7'],
    ['body.name', 'Ada'],
    ['body.vip', 'false'],
    ['body.gone', 'null'],
    ['body.address', '{"country":"CH","town":"Bern"}'],
    ['body.address.town', 'Bern'],
    ['body.items[0].sku', 'a'],
    ['body.items[*].sku', '["a","b",null]'],
    ['body.items[*].tags[*].t', '[[1,2],null,null]'],
    ['body.items.1.sku', 'b'],
    ['headers.x-request-id', 'r1'],
    ['headers.content-type', 'application/json'],
    ['query.page', '2'],
    ['query', '{"page":"2"}'],
    ['path', '/orders'],
  ])('%s reads %j', (text, expected) => {
    expect(field(text)).toBe(expected);
  });

  test.each([
    'body.missing',
    'body.address.town.x',
    'body.items[9].sku',
    'body.address[*].town',
    'body.items.length',
    'body.constructor',
    'body.__proto__',
    'path.x',
    'path.length',
  ])('%s is missing and reads as empty', (text) => {
    expect(field(text)).toBe('');
  });

  test('reads a body that is no JSON as one text with nothing inside', () => {
    const text = { ...parts, body: '<order id="1"/>' };
    expect(field('body', text)).toBe('<order id="1"/>');
    expect(field('body.x', text)).toBe('');
  });

  test.each([
    '',
    'bodies',
    'cookie.a',
    'body.',
    'body..a',
    'body.a.',
    'body[0',
    'body.a]',
    'body[-1].a',
    'body[x].a',
    'body["a"]',
    'body.items[*]',
    'body.items[0]',
    'Body.a',
    ' body.a',
    `body.${'a'.repeat(300)}`,
  ])('%j is refused with a sentence', (text) => {
    expect(parseFieldPath(text)).toEqual({ error: expect.stringMatching(/\w/) });
  });
});

describe('a key path', () => {
  test.each(['body', 'path', 'body.customer_id', 'headers.x-tenant', 'query.a.b.c', 'body.0.id'])(
    '%s is taken',
    (text) => {
      expect('path' in parseKeyPath(text)).toBe(true);
    },
  );

  test.each([
    '',
    'customer_id',
    'body.',
    '.body',
    'body.a b',
    'body[0].a',
    'body.é',
    'body.a\n',
    `body.${'a'.repeat(252)}`,
  ])('%j is refused', (text) => {
    expect('error' in parseKeyPath(text)).toBe(true);
  });

  test('may have 256 characters', () => {
    expect('path' in parseKeyPath(`body.${'a'.repeat(251)}`)).toBe(true);
  });

  test('reads the value it leads to', () => {
    const parsed = parseKeyPath('body.address.country');
    expect('path' in parsed && readValue(parsed.path, parts)).toBe('CH');
  });
});

describe('canonical JSON', () => {
  test('is the same whatever the order of keys', () => {
    expect(canonicalJson({ b: [1, { d: 2, c: 3 }], a: null })).toBe(
      '{"a":null,"b":[1,{"c":3,"d":2}]}',
    );
  });

  test('is JSON that reads back as the value', () => {
    const value = { 'k"ey': ['é\n', 1.5, true, null, [], {}], __proto__x: '' };
    expect(JSON.parse(canonicalJson(value))).toEqual(value);
  });

  test('writes what is nested deeper than calls can be', () => {
    let value: unknown = 1;
    for (let level = 0; level < 200_000; level++) value = [value];
    expect(canonicalJson(value)).toHaveLength(400_001);
  });
});
