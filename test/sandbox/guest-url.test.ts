// The guest's URL against Node's own. The modules are plain functions, so they are compared here directly;
// that they run in a guest is shown once.
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { URLSearchParams as GuestParams } from '../../src/sandbox/guest/search-params.ts';
import { URL as GuestUrl } from '../../src/sandbox/guest/url.ts';
import { handler, inputOf, jobOf, onlyRequest, REQUEST, testPool } from './sandbox.ts';

const pool = testPool();
afterAll(() => pool.close());

const FIELDS = [
  'href',
  'origin',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
] as const;

function parts(make: () => URL | GuestUrl): unknown {
  try {
    const url = make();
    return Object.fromEntries(FIELDS.map((field) => [field, url[field]]));
  } catch {
    return 'refused';
  }
}

const ABSOLUTE = [
  'https://example.com',
  'HTTP://User:Pa%20ss@EXAMPLE.com:80/a/../b/./c?q=1#f',
  'https://example.com:443/',
  'https://example.com:8443/x y?a b#c d',
  'http://1.2.3.4/',
  'http://0x7f.1/',
  'http://017700000001/',
  'http://256.1.1.1/',
  'http://1.2.3.4.5/',
  'http://[::1]:80/',
  'http://[2001:DB8::0:1]/',
  'http://[1:2:3:4:5:6:7:8]/',
  'http://[::ffff:1.2.3.4]/',
  'http://[::1/',
  'http://[1::2::3]/',
  'http:example.com',
  'http:\\\\a\\b',
  'https:///a//b',
  'https://a b/',
  'https://a%41.com/',
  'https://exa<mple.com/',
  'https://',
  'https://:80',
  'https://a:99999/',
  'https://a:b/',
  'https://a@b@c/',
  'https://a/%zz%41%2e%2e/../x',
  'https://a/?\'"<>`{}^|',
  'https://a/\'"<>`{}^|\\b',
  'https://a/#\'"<>`{}',
  'https://a/ä€😀?ä#ä',
  '  https://a/\t\n ',
  'mailto:a@b.c',
  'data:text/plain,hi there#x',
  'urn:a:b?c',
  'redis://h:1/a/../b',
  'redis://',
  'x:/a/b',
  'x:/..//b',
  'nothing',
  '/path',
  '',
  '//a',
  'wss://a:443/',
  'ftp://a:21/',
  'https://a..b/',
  'https://1/',
  'https://a.1/',
  'https://?x',
  'https://#x',
  'https://a?x',
  'https://a#x',
];
const BASE = 'https://user@example.com:8443/a/b/c?q=1#f';
const RELATIVE = [
  '',
  '#x',
  '?y',
  '?',
  'd',
  './d',
  '../d',
  '../../../d',
  '/d',
  '//other/d',
  '\\d',
  'https:d',
  'http:d',
  'http://x',
  'd?z#w',
  '.',
  '..',
  'a:b',
  '%2e%2e/d',
];

describe('URL agrees with Node', () => {
  it.each(ABSOLUTE)('%j', (text) => {
    expect(parts(() => new GuestUrl(text))).toEqual(parts(() => new URL(text)));
  });

  it.each(RELATIVE)('%j against a base', (text) => {
    expect(parts(() => new GuestUrl(text, BASE))).toEqual(parts(() => new URL(text, BASE)));
    expect(parts(() => new GuestUrl(text, 'mailto:x'))).toEqual(
      parts(() => new URL(text, 'mailto:x')),
    );
  });

  it('on arbitrary web addresses and paths', () => {
    fc.assert(
      fc.property(
        fc.webUrl({ withQueryParameters: true, withFragments: true }),
        fc.string({ unit: 'binary' }),
        (text, tail) => {
          expect(parts(() => new GuestUrl(text))).toEqual(parts(() => new URL(text)));
          const odd = `https://example.com/${tail}`;
          expect(parts(() => new GuestUrl(odd))).toEqual(parts(() => new URL(odd)));
        },
      ),
    );
  });

  it.each([
    ['pathname', '/x y/../z'],
    ['pathname', ''],
    ['search', '?a=b c'],
    ['search', ''],
    ['hash', 'h h'],
    ['hash', ''],
    ['port', '80'],
    ['port', '443'],
    ['port', ''],
    ['port', 'x'],
    ['hostname', 'Other.com'],
    ['hostname', 'a b'],
    ['host', 'other.com:81'],
    ['protocol', 'http'],
    ['protocol', 'mailto:'],
    ['username', 'u:u'],
    ['password', 'p@p'],
    ['href', 'https://new/'],
  ] as const)('setting %s to %j', (field, value) => {
    const [ours, theirs] = [new GuestUrl(BASE), new URL(BASE)];
    ours[field] = value;
    theirs[field] = value;
    expect(parts(() => ours)).toEqual(parts(() => theirs));
  });

  it('search parameters and URL change together', () => {
    const [ours, theirs] = [new GuestUrl('https://a/?x=1&y=2'), new URL('https://a/?x=1&y=2')];
    for (const url of [ours, theirs]) {
      url.searchParams.append('z z', 'ä&=');
      url.searchParams.set('x', '3');
      url.searchParams.delete('y');
    }
    expect(ours.href).toBe(theirs.href);
    expect(JSON.stringify(ours)).toBe(JSON.stringify(theirs));
  });

  it('file: and names outside ASCII are refused, as documented', () => {
    expect(parts(() => new GuestUrl('file:///etc/passwd'))).toBe('refused');
    expect(parts(() => new GuestUrl('https://münchen.de/'))).toBe('refused');
  });
});

describe('URLSearchParams agrees with Node', () => {
  it('on arbitrary pairs and on arbitrary text', () => {
    const pair = fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(pair), fc.string({ unit: 'binary' }), (pairs, text) => {
        expect(new GuestParams(pairs).toString()).toBe(new URLSearchParams(pairs).toString());
        expect([...new GuestParams(text)]).toEqual([...new URLSearchParams(text)]);
      }),
    );
  });

  it('in every method', () => {
    const [ours, theirs] = [
      new GuestParams('?b=1&a=2&b=3&c'),
      new URLSearchParams('?b=1&a=2&b=3&c'),
    ].map((params) => {
      const seen: unknown[] = [
        params.get('b'),
        params.getAll('b'),
        params.has('c'),
        params.has('b', '9'),
        params.get('none'),
        params.size,
      ];
      params.sort();
      params.set('b', 'x');
      params.delete('a', '9');
      params.forEach((value, name) => seen.push(name, value));
      return [
        ...seen,
        [...params.keys()],
        [...params.values()],
        [...params.entries()],
        params.toString(),
      ];
    });
    expect(ours).toEqual(theirs);
    expect(new GuestParams({ a: '1', b: '2' }).toString()).toBe('a=1&b=2');
  });
});

it('both are there in a guest', async () => {
  const code = handler(
    '(r) => { const url = new URL("../x?a=1", "https://h/p/q/"); url.searchParams.set("b", "2 3"); r.body = url.href + String(new URLSearchParams({ c: 1 })); return r; }',
  );
  expect(await pool.run(jobOf(code))).toMatchObject({
    requests: [{ body: 'https://h/p/x?a=1&b=2+3c=1' }],
  });
});

it('a query may be written with its question mark, and one that came in belongs to the query', async () => {
  const queryOf = async (query: string, statement: string) => {
    const code = handler(`(r) => { ${statement}; return r; }`);
    const input = inputOf({ ...REQUEST, query });
    return onlyRequest(await pool.run(jobOf(code, { version: statement, input }))).query;
  };
  expect(await queryOf('?a=1', '')).toBe('?a=1');
  expect(await queryOf('?a=1', 'delete r.query')).toBe('?a=1');
  expect(await queryOf('a=1', 'r.query = "?b=2"')).toBe('b=2');
  expect(await queryOf('a=1', 'r.query = "b=2"')).toBe('b=2');
});
