import { assert, json, nat, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scanJson } from '../../../src/verification/body/json-scan.ts';

function scan(text: string | Buffer, paths: string[]) {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text);
  const work = scanJson(bytes, paths);
  for (;;) {
    const step = work.next();
    if (step.done !== true) continue;
    const found = step.value;
    if (typeof found === 'string') return found;
    return paths.map((path) =>
      (found.get(path) ?? []).map(({ start, end }) => bytes.toString('utf8', start, end)),
    );
  }
}

test('takes for JSON what the platform takes for JSON, and nothing else', () => {
  const isJson = (text: string) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const agree = (text: string) =>
    expect([text, scan(text, ['a.*.b', 'a', '*']) !== 'INVALID']).toEqual([text, isJson(text)]);
  const same = (text: string) => {
    const isDoubled = scan(text, ['a.*.b', 'a', '*']) === 'DOUBLED';
    if (!isDoubled) agree(text);
  };
  for (const text of [
    '',
    ' ',
    '1',
    '-',
    '-0',
    '01',
    '1.',
    '.5',
    '1e',
    '1E+5',
    '1e-',
    'nul',
    'truex',
  ])
    agree(text);
  for (const text of [
    '"\\u12"',
    '"\\x"',
    '"\t"',
    '"',
    '[1,]',
    '[,1]',
    '{"a"}',
    '{"a":}',
    '{,}',
    '[}',
  ])
    agree(text);
  for (const text of [
    '{"a":1,}',
    '{} {}',
    '\ufeff{}',
    '[1 2]',
    '{"a":1 "b":2}',
    '[[]',
    ']',
    ',',
    ':',
  ])
    agree(text);
  assert(property(json(), (text) => same(text)));
  const bytes = '{}[]",:0123e.-+tfnul \\\n\tabu';
  assert(
    property(json(), nat(), uint8Array({ minLength: 1, maxLength: 3 }), (text, at, noise) => {
      const put = [...noise].map((byte) => bytes[byte % bytes.length]).join('');
      const from = at % (text.length + 1);
      same(text.slice(0, from) + put + text.slice(from + 1));
    }),
    { numRuns: 2_000 },
  );
});

describe('values at paths', () => {
  test('are their bytes as they are written, whatever stands around them', () => {
    const text = '{ "x" : [{"b":1}], "a" : [ {"b" : 1.0 ,"c":{"b":2}}, 7, {"b":"\\u00e9\\"}"} ] }';
    expect(scan(text, ['a.*.b', 'x', 'y', 'a.*.c.b'])).toEqual([
      ['1.0', '"\\u00e9\\"}"'],
      ['[{"b":1}]'],
      [],
      ['2'],
    ]);
    expect(scan(text, ['a.2.b', 'a.1.b'])).toEqual([['"\\u00e9\\"}"'], []]);
    expect(scan('[[1],[2,3]]', ['*.*'])).toEqual([['1', '2', '3']]);
    expect(scan('[[1],[2,3]]', ['1.0'])).toEqual([['2']]);
    expect(scan('{"":{"":1}}', ['.'])).toEqual([['1']]);
    expect(scan('{"é":1,"__proto__":2}', ['é', '__proto__', 'constructor'])).toEqual([
      ['1'],
      ['2'],
      [],
    ]);
  });

  test('are found under names that are written with escapes', () => {
    expect(scan('{"\\u0061":{"b\\/":1}}', ['a.b/'])).toEqual([['1']]);
  });

  test.each([
    '{"a":1,"a":1}',
    '{"a":{"b":1},"a":{"b":2}}',
    '{"a":1,"\\u0061":2}',
    '{"a":{"b":1,"c":2,"b":3}}',
  ])('that two readers could take differently are none: %s', (text) => {
    expect(scan(text, ['a.b', 'a'])).toBe('DOUBLED');
    expect(scan(text, ['z'])).toEqual([[]]);
  });

  test('are counted', () => {
    const list = (length: number) => `[${Array.from({ length }, () => '1').join()}]`;
    expect(scan(list(100_000), ['*'])).not.toBe('TOO_MANY');
    expect(scan(list(100_001), ['*'])).toBe('TOO_MANY');
    expect(scan(list(100_001), ['a'])).toEqual([[]]);
  });

  test.each([
    ['short lists', `[${'[],'.repeat(1_000_000)}1]`],
    ['deep nesting', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`],
    ['numbers', `[${'1,'.repeat(1_000_000)}1]`],
    ['names', `{${'"a":1,'.repeat(500_000)}"b":1}`],
    ['escapes', `"${'\\"'.repeat(1_000_000)}"`],
  ])('of %s are looked for in pieces', (_what, text) => {
    const work = scanJson(Buffer.from(text), ['x.y']);
    let pieces = 0;
    while (work.next().done !== true) pieces++;
    expect(pieces).toBeGreaterThan(text.startsWith('"') ? -1 : 20);
  });
});
