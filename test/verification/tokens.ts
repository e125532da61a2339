import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';
import type { SourceConfig } from '../../src/verification/source-config.ts';
import type { SourceType } from '../../src/verification/source-types.ts';
import { NOW_MS, request, settleWith } from './support.ts';

const seconds = Math.floor(NOW_MS / 1000);

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
type Pair = { privateKey: PrivateKey; jwk: JWK; pem: string };
const pairs: Record<string, Pair> = {};

/** Makes one key pair for each algorithm the tests sign with; before the tests, because making RSA keys is slow. */
export async function makePairs(): Promise<void> {
  for (const algorithm of ['RS256', 'RS512', 'ES256', 'EdDSA']) {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: algorithm };
    pairs[algorithm] = { privateKey, jwk, pem: await exportSPKI(publicKey) };
  }
}

export function pair(algorithm: string): Pair {
  const found = pairs[algorithm];
  if (found === undefined) throw new Error(algorithm);
  return found;
}

type TokenOptions = { algorithm?: string; kid?: string; key?: Uint8Array };

export function token(
  claims: JWTPayload,
  { algorithm = 'RS256', kid = 'k1', key }: TokenOptions = {},
): Promise<string> {
  return new SignJWT({ iat: seconds, exp: seconds + 600, ...claims })
    .setProtectedHeader({ alg: algorithm, kid })
    .sign(key ?? pair(algorithm).privateKey);
}

export function bearer(text: string) {
  return request({ headers: [['Authorization', `Bearer ${text}`]] });
}

export function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The reason a settled verdict gives, or `verified`. */
export async function reasonFor(
  type: SourceType,
  config: SourceConfig,
  options: Parameters<typeof settleWith>[2],
): Promise<string> {
  const verdict = await settleWith(type, config, options);
  if ('deferred' in verdict) throw new Error('still deferred');
  return verdict.verified ? 'verified' : verdict.reason;
}
