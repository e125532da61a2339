import { createHmac } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { validateSourceConfig, type SourceConfig } from '../../src/verification/source-config.ts';
import { network, NOW_MS } from './support.ts';
import { base64url, bearer, makePairs, pair, reasonFor, token } from './tokens.ts';

const seconds = Math.floor(NOW_MS / 1000);
const JWKS = 'https://issuer.example.com/jwks.json';

beforeAll(makePairs);

describe('JSON Web Tokens from a key set', () => {
  const config: SourceConfig = {
    auth_type: 'JWT',
    auth: { jwks_url: JWKS, algorithms: ['RS256'], audience: 'sluice', issuer: 'issuer' },
  };
  const good = { aud: 'sluice', iss: 'issuer' };
  const net = () => network({ [JWKS]: JSON.stringify({ keys: [pair('RS256').jwk] }) });
  const reason = async (text: string, one = net()) =>
    reasonFor('WEBHOOK', config, { received: bearer(text), keys: one.keys });

  test('accepts a good one and fetches the key set once', async () => {
    const one = net();
    for (let count = 0; count < 3; count++)
      expect(await reason(await token(good), one)).toBe('verified');
    expect(one.asked).toEqual([JWKS]);
  });

  test('refuses alg none, HS256 with the public key, and an algorithm that is not pinned', async () => {
    const payload = base64url({ ...good, exp: seconds + 600 });
    expect(await reason(`${base64url({ alg: 'none' })}.${payload}.`)).not.toBe('verified');
    expect(
      await reason(await token(good, { algorithm: 'HS256', key: Buffer.from(pair('RS256').pem) })),
    ).toBe('WRONG_ALGORITHM');
    expect(await reason(await token(good, { algorithm: 'ES256' }))).toBe('WRONG_ALGORITHM');
    const parts = (await token(good)).split('.');
    const hs = `${base64url({ alg: 'HS256', kid: 'k1' })}.${parts[1]}`;
    const mac = createHmac('sha256', pair('RS256').pem).update(hs).digest('base64url');
    expect(await reason(`${hs}.${mac}`)).toBe('WRONG_ALGORITHM');
  });

  test('names what is wrong with the claims', async () => {
    expect(await reason(await token({ ...good, aud: 'other' }))).toBe('WRONG_CLAIMS');
    expect(await reason(await token({ ...good, iss: 'other' }))).toBe('WRONG_CLAIMS');
    expect(await reason(await token({ ...good, exp: seconds - 120 }))).toBe('TIMESTAMP_TOO_OLD');
    expect(await reason(await token({ ...good, nbf: seconds + 120 }))).toBe('TIMESTAMP_IN_FUTURE');
    const text = await token(good);
    expect(await reason(`${text.slice(0, -4)}AAAA`)).toBe('WRONG_SECRET_OR_BODY');
    for (const bad of ['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', '..'])
      expect(await reason(bad)).not.toBe('verified');
  });

  test('asks again for a key it does not know, but at most once a minute', async () => {
    const one = net();
    const strange = await token(good, { kid: 'k2' });
    for (let count = 0; count < 20; count++)
      expect(await reason(strange, one)).toBe('KEY_NOT_FOUND');
    expect(one.asked.length).toBeLessThanOrEqual(2);
    one.pass(61_000);
    await reason(strange, one);
    expect(one.asked.length).toBeLessThanOrEqual(3);
  });

  test('refuses key sets that are too large, too many keys, or no key sets', async () => {
    const many = {
      keys: Array.from({ length: 101 }, (_, index) => ({ ...pair('ES256').jwk, kid: `k${index}` })),
    };
    for (const document of [
      JSON.stringify(many),
      JSON.stringify({ keys: 'no' }),
      '[]',
      'null',
      '<html>',
      ' '.repeat(70_000),
    ]) {
      expect(await reason(await token(good), network({ [JWKS]: document }))).toBe(
        'KEY_UNAVAILABLE',
      );
    }
    const shared = { keys: [{ kty: 'oct', kid: 'k1', alg: 'HS256', k: base64url('key') }] };
    expect(await reason(await token(good), network({ [JWKS]: JSON.stringify(shared) }))).toBe(
      'KEY_NOT_FOUND',
    );
  });

  test('the clock is that of receipt', async () => {
    const text = await token({ ...good, exp: seconds + 10 });
    const late = { ...bearer(text), receivedAtMs: NOW_MS + 3_600_000 };
    expect(await reasonFor('WEBHOOK', config, { received: late, keys: net().keys })).toBe(
      'TIMESTAMP_TOO_OLD',
    );
    expect(await reason(text)).toBe('verified');
  });

  test('a public key cannot be saved with HS256, nor a secret with RS256, nor none at all', () => {
    const problem = (auth: object) => validateSourceConfig('HTTP', { auth_type: 'JWT', auth });
    expect(problem({ public_key: pair('RS256').pem, algorithms: ['HS256'] })).toMatchObject({
      errors: [{ path: 'auth.algorithms' }],
    });
    expect(problem({ jwks_url: JWKS, algorithms: ['RS256', 'HS256'] })).toMatchObject({
      errors: [{ path: 'auth.algorithms' }],
    });
    expect(problem({ webhook_secret_key: 's', algorithms: ['RS256'] })).toMatchObject({
      errors: [{ path: 'auth.algorithms' }],
    });
    expect(problem({ jwks_url: JWKS, algorithms: ['none'] })).toMatchObject({
      errors: [{ path: 'auth.algorithms.0' }],
    });
    expect(
      problem({ jwks_url: 'http://issuer.example.com/', algorithms: ['RS256'] }),
    ).toMatchObject({ errors: [{ path: 'auth.jwks_url' }] });
    expect(problem({ algorithms: ['RS256'] })).toMatchObject({
      errors: [{ path: 'auth.jwks_url' }],
    });
    expect(problem({ public_key: pair('RS256').pem, algorithms: ['RS256'] })).toEqual({ ok: true });
  });

  test('a public key and a shared secret verify too', async () => {
    const keys = network({}).keys;
    const byPem: SourceConfig = {
      auth_type: 'JWT',
      auth: { public_key: pair('ES256').pem, algorithms: ['ES256'] },
    };
    expect(
      await reasonFor('HTTP', byPem, {
        received: bearer(await token({}, { algorithm: 'ES256' })),
        keys,
      }),
    ).toBe('verified');
    const bySecret: SourceConfig = {
      auth_type: 'JWT',
      auth: { webhook_secret_key: 'shared', algorithms: ['HS256'] },
    };
    const shared = await token({}, { algorithm: 'HS256', key: Buffer.from('shared') });
    expect(await reasonFor('HTTP', bySecret, { received: bearer(shared), keys })).toBe('verified');
  });
});
