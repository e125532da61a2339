import { expect, test } from 'vitest';
import { createKeys } from '../../src/verification/keys.ts';
import { fetchKey } from '../../src/verification/plugins/key-sets.ts';
import { selfSigned } from './certificate.ts';

const URL_ = 'https://keys.example.com/jwks';
const HOUR_MS = 3_600_000;
const jwk = (kid: string) => ({ kty: 'oct', k: 'c2VjcmV0', kid, alg: 'HS256' });

/** A key server and a clock. */
function server() {
  const state = { nowMs: 0, answer: (): Promise<{ status: number; body: string }> => away() };
  const away = () => Promise.reject(new Error('connect ECONNREFUSED'));
  const serves = (...kids: string[]) => {
    state.answer = () =>
      Promise.resolve({ status: 200, body: JSON.stringify({ keys: kids.map(jwk) }) });
  };
  const keys = createKeys({
    fetchDocument: async () => {
      const { status, body } = await state.answer();
      return { status, body: Buffer.from(body) };
    },
    now: () => state.nowMs,
  });
  const reasonOf = async (keyId: string) => {
    const got = await fetchKey(URL_, { from: keys, signed: { keyId } as never });
    return 'reason' in got ? `${got.reason}: ${got.hint ?? ''}` : 'found';
  };
  return { state, keys, serves, reasonOf, goAway: () => void (state.answer = away) };
}

test('the last key set serves for a day while its server is away', async () => {
  const { state, serves, reasonOf, goAway } = server();
  serves('a');
  expect(await reasonOf('a')).toBe('found');
  goAway();
  state.nowMs += 2 * HOUR_MS;
  expect(await reasonOf('a')).toBe('found');
  // A key that set does not have may be a new one: that waits.
  expect(await reasonOf('b')).toMatch(/^KEY_UNAVAILABLE: .*keys\.example\.com/);
  expect(await reasonOf('a')).toBe('found');
  state.nowMs += 23 * HOUR_MS;
  expect(await reasonOf('a')).toMatch(/^KEY_UNAVAILABLE/);
  serves('b');
  state.nowMs += 3_000;
  expect(await reasonOf('b')).toBe('found');
  state.nowMs += 61_000;
  expect(await reasonOf('a')).toMatch(/^KEY_NOT_FOUND/);
});

test.each([
  ['a page instead of a document', 200, '<html>maintenance</html>'],
  ['a document that is no key set', 200, '{"error":"later"}'],
  ['no document', 404, ''],
  ['too many questions', 429, ''],
  ['a fault of its own', 503, ''],
])('%s is an outage of a key set’s server, and over when it is', async (_what, status, body) => {
  const { state, serves, reasonOf } = server();
  state.answer = () => Promise.resolve({ status, body });
  expect(await reasonOf('a')).toMatch(/^KEY_UNAVAILABLE/);
  serves('a');
  state.nowMs += 61_000;
  expect(await reasonOf('a')).toBe('found');
});

test.each([403, 404, 410])('a certificate answered with %i does not exist', async (status) => {
  const { state, keys } = server();
  state.answer = () => Promise.resolve({ status, body: '' });
  expect(await keys.certificate('https://keys.example.com/made-up.pem')).toMatchObject({
    reason: 'KEY_NOT_FOUND',
  });
});

test('a certificate that was fetched serves while its server is away', async () => {
  const { state, keys, goAway } = server();
  const { pem } = selfSigned({ fromMs: -HOUR_MS, toMs: 100 * HOUR_MS });
  state.answer = () => Promise.resolve({ status: 200, body: pem });
  expect(await keys.certificate(URL_)).toEqual({ pem });
  goAway();
  state.nowMs += 5 * HOUR_MS;
  expect(await keys.certificate(URL_)).toEqual({ pem });
});
