import { expect, test } from 'vitest';
import { parseAsWritten } from '../../src/domain/numbers/parse.ts';
import { isSecretName, shownValue } from '../../src/domain/shown-value.ts';

test('a small value is shown as it is, with the digits of its numbers', () => {
  const text = '{"a":[1,null,"x"],"n":8202522731445525542}';
  expect(JSON.stringify(shownValue(parseAsWritten(text)))).toBe(text);
  expect(shownValue('x'.repeat(200))).toBe('x'.repeat(200));
});

test('a large or deep value is cut at 200 characters, and looked at no further', () => {
  expect(shownValue('x'.repeat(201))).toBe(`${'x'.repeat(200)}…`);
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;
  expect(shownValue(deep)).toBe(`${'['.repeat(200)}…`);
  let looks = 0;
  const watched = Array.from({ length: 10_000 }, (_, index) =>
    Object.defineProperty({}, 'a', { enumerable: true, get: () => ((looks += 1), index) }),
  );
  expect(shownValue(watched)).toMatch(/^\[\{"a":0\},\{"a":1\}.*…$/);
  expect(looks).toBeLessThan(100);
});

test('what stands under the name of a secret is not shown, however deep and in whatever spelling', () => {
  for (const name of [
    'Authorization',
    'proxy-authorization',
    'cookie',
    'Set-Cookie',
    'X-Api-Key',
    'apiKey',
    'client_secret',
    'access_token',
    'password',
    'X-Hub-Signature-256',
    'x-shopify-hmac-sha256',
  ]) {
    expect([name, isSecretName(name)]).toEqual([name, true]);
    expect(shownValue({ list: [{ [name]: { inner: 'hush' } }] })).toEqual({
      list: [{ [name]: '[redacted]' }],
    });
    const long = { [name]: 'hush', more: 'x'.repeat(300) };
    expect(shownValue(long)).toMatch(/^\{".*":"\[redacted\]","more":"x+…$/);
  }
  for (const name of ['key', 'token_type', 'id', 'monkey', 'x-topic']) {
    expect([name, isSecretName(name)]).toEqual([name, false]);
  }
});
