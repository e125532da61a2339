import { createHmac, generateKeyPairSync } from 'node:crypto';
import { CompactSign, exportSPKI, generateKeyPair } from 'jose';
import { describe, expect, test } from 'vitest';
import { fitsAlgorithm, PUBLIC_ALGORITHMS } from '../../src/verification/plugins/jws.ts';
import type { SourceConfig } from '../../src/verification/source-config.ts';
import { answerWith, request, verifyWith } from './support.ts';
import { base64url } from './tokens.ts';

const config = (auth: object): SourceConfig => ({ auth_type: 'JWT', auth: { ...auth } });
const carrying = (token: string) => request({ headers: [['Authorization', token]] });

async function reasonOf(token: string, auth: object): Promise<string> {
  const verdict = await answerWith('HTTP', config(auth), carrying(token));
  if ('deferred' in verdict) throw new Error('still deferred');
  return verdict.verified ? 'verified' : verdict.reason;
}

describe('signatures as jose makes them', () => {
  test.each(PUBLIC_ALGORITHMS)('%s is verified, and no changed one is', async (algorithm) => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm);
    const auth = { public_key: await exportSPKI(publicKey), algorithms: [algorithm] };
    const token = await new CompactSign(Buffer.from('{"a":"é"}'))
      .setProtectedHeader({ alg: algorithm })
      .sign(privateKey);
    expect(await reasonOf(token, auth)).toBe('verified');
    for (let at = 0; at < token.length; at += 7) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(await reasonOf(changed, auth)).not.toBe('verified');
    }
    for (const tail of ['=', '==', 'A', '.', ' A', '\nA'])
      expect(await reasonOf(token + tail, auth)).not.toBe('verified');
    const [head = '', payload = '', signature = ''] = token.split('.');
    for (const space of [' ', '\n'])
      expect(await reasonOf(`${head}.${payload}.${space}${signature}`, auth)).toBe('MALFORMED');
    const other = PUBLIC_ALGORITHMS.find((name) => name !== algorithm) ?? '';
    expect(await reasonOf(token, { ...auth, algorithms: [other] })).toBe('WRONG_ALGORITHM');
  });

  test('a second way to write a signature’s last bits is none', async () => {
    const signed = `${base64url({ alg: 'HS256' })}.e30`;
    const mac = createHmac('sha256', 'k').update(signed).digest('base64url');
    const auth = { webhook_secret_key: 'k', algorithms: ['HS256'] };
    expect(await reasonOf(`${signed}.${mac}`, auth)).toBe('verified');
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const next = digits[digits.indexOf(mac.at(-1) ?? '') + 1] ?? '';
    expect(await reasonOf(`${signed}.${mac.slice(0, -1)}${next}`, auth)).toBe('MALFORMED');
  });
});

describe('what no key could make right is refused without one', () => {
  const auth = { webhook_secret_key: 'k', algorithms: ['HS256'] };
  const refusedAs = (token: string) => verifyWith('HTTP', config(auth), carrying(token));

  test('an extension that must be understood', () => {
    const header = base64url({ alg: 'HS256', crit: ['b64'], b64: false });
    expect(refusedAs(`${header}.e30.AAAA`)).toMatchObject({ reason: 'MALFORMED' });
  });

  test.each(['none', '', 'hs256', null, ['HS256']])('alg %j', (alg) => {
    const signed = `${base64url({ alg })}.e30`;
    const mac = createHmac('sha256', 'k').update(signed).digest('base64url');
    expect(refusedAs(`${signed}.${mac}`)).toMatchObject({ reason: 'WRONG_ALGORITHM' });
  });
});

describe('a short RSA key and a curve of another algorithm', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-384' });

  test('fit none where a source is saved', () => {
    expect(PUBLIC_ALGORITHMS.some((name) => fitsAlgorithm(small.publicKey, name))).toBe(false);
    expect(PUBLIC_ALGORITHMS.filter((name) => fitsAlgorithm(curve.publicKey, name))).toEqual([
      'ES384',
    ]);
    const other = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey;
    expect(PUBLIC_ALGORITHMS.some((name) => fitsAlgorithm(other, name))).toBe(false);
  });

  test.each([
    ['RS256', small],
    ['PS256', small],
    ['ES256', curve],
    ['EdDSA', curve],
  ] as const)('verify no %s where an earlier version saved them', async (algorithm, pair) => {
    const key = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    const token = `${base64url({ alg: algorithm })}.e30.${'A'.repeat(86)}`;
    const auth = { public_key: key, algorithms: [algorithm] };
    expect(await reasonOf(token, auth)).toBe('WRONG_ALGORITHM');
  });
});
