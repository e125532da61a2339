import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CompactSign, generateKeyPair, exportSPKI } from 'jose';
import { describe, expect, test } from 'vitest';
import {
  fitsAlgorithm,
  PUBLIC_ALGORITHMS,
  readJws,
  signatureProblem,
} from '../../src/verification/plugins/jws.ts';
import { base64url } from './tokens.ts';

function reasonOf(token: string, { key, algorithm }: { key: KeyObject; algorithm: string }) {
  const jws = readJws(token, { algorithms: [algorithm] });
  if ('reason' in jws) return jws.reason;
  return signatureProblem(jws, key)?.reason ?? 'verified';
}

describe('signatures as jose makes them', () => {
  test.each(PUBLIC_ALGORITHMS)('%s is verified, and no changed one is', async (algorithm) => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm);
    const key = createPublicKey(await exportSPKI(publicKey));
    const token = await new CompactSign(Buffer.from('{"a":"é"}'))
      .setProtectedHeader({ alg: algorithm })
      .sign(privateKey);
    expect(reasonOf(token, { key, algorithm })).toBe('verified');
    for (let at = 0; at < token.length; at += 7) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(reasonOf(changed, { key, algorithm })).not.toBe('verified');
    }
    for (const tail of ['=', '==', 'A', '.', ' ', '\n'])
      expect(reasonOf(token + tail, { key, algorithm })).not.toBe('verified');
    const other = PUBLIC_ALGORITHMS.find((name) => name !== algorithm) ?? '';
    expect(reasonOf(token, { key, algorithm: other })).toBe('WRONG_ALGORITHM');
  });

  test('an extension that must be understood is refused', () => {
    const header = base64url({ alg: 'HS256', crit: ['b64'], b64: false });
    expect(readJws(`${header}.e30.AAAA`, { algorithms: ['HS256'] })).toMatchObject({
      reason: 'MALFORMED',
    });
  });

  test.each(['none', '', 'hs256', null, ['HS256']])('alg %j is nobody’s', (alg) => {
    const signed = `${base64url({ alg })}.e30`;
    const mac = createHmac('sha256', 'k').update(signed).digest('base64url');
    expect(readJws(`${signed}.${mac}`, { algorithms: ['HS256'] })).toMatchObject({
      reason: 'WRONG_ALGORITHM',
    });
  });
});

test('a short RSA key and a curve of another algorithm fit none', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  expect(PUBLIC_ALGORITHMS.some((name) => fitsAlgorithm(small, name))).toBe(false);
  const curve = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey;
  expect(PUBLIC_ALGORITHMS.some((name) => fitsAlgorithm(curve, name))).toBe(false);
});
