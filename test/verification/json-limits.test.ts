import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBody } from '../../src/verification/content.ts';
import { DEEPEST_JSON, jsonProblem, MOST_JSON_VALUES } from '../../src/verification/json-limits.ts';
import { openRequest } from '../../src/verification/request-parts.ts';

const JSON_TYPE = 'application/json';
const parse = (type: string, text: string) => parseBody(type, Buffer.from(text));

describe('JSON is parsed up to so many values', () => {
  const list = (value: string, count: number) => `[${`${value},`.repeat(count - 1)}${value}]`;

  test.each(['[]', '{}', '1', '""', 'null', '[1]', '{"a":1}'])('whatever they are: %s', (value) => {
    const text = list(value, MOST_JSON_VALUES + 1);
    expect(parse(JSON_TYPE, text)).toMatchObject({
      kind: 'unparsable',
      problem: 'TOO_MANY_VALUES',
    });
    expect(parse(JSON_TYPE, list(value, 1_000))).toMatchObject({ kind: 'json' });
  });

  test('however many commas and brackets stand in its texts', () => {
    const text = JSON.stringify({ csv: ',[]{}\\",'.repeat(MOST_JSON_VALUES / 4) });
    expect(parse(JSON_TYPE, text)).toMatchObject({ kind: 'json' });
  });

  test('also line by line, in text that looks like it, and in forms', () => {
    const lines = '{}\n'.repeat(MOST_JSON_VALUES + 1);
    expect(parse('application/x-ndjson', lines)).toMatchObject({ problem: 'TOO_MANY_VALUES' });
    const long = list('[]', MOST_JSON_VALUES + 1);
    expect(parse('application/x-ndjson', `{}\n${long}`)).toMatchObject({
      problem: 'TOO_MANY_VALUES',
    });
    const sniffed = parseBody('text/plain', Buffer.from(long), { sniffJson: true });
    expect(sniffed.kind).toBe('text');
    const form = parse('application/x-www-form-urlencoded', `a=1&${'b=2&'.repeat(20_000)}c=3`);
    expect(Object.keys(form.value as object)).toEqual(['a', 'b']);
  });
});

test('what is within the limits and right is parsed, and no text makes the look at it fail', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(jsonProblem(text)).toBeNull();
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (text) => {
      jsonProblem(`${text}${'['.repeat(DEEPEST_JSON)}`);
    }),
  );
});

test('a request says why its body is seen as text', () => {
  const at = (headers: [string, string][], body: Buffer) =>
    openRequest({ path: '/', query: '', headers, body }).problem;
  const type: [string, string] = ['content-type', JSON_TYPE];
  expect(at([type], Buffer.from('['.repeat(5_000)))).toBe('TOO_DEEP');
  expect(at([type], Buffer.from(`[${'0,'.repeat(MOST_JSON_VALUES)}0]`))).toBe('TOO_MANY_VALUES');
  expect(at([type], Buffer.from('{"a":'))).toBeNull();
  expect(at([type], Buffer.from('{}'))).toBeNull();
});
