import type { KeyObject } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { decodeStrictly } from '../engine/decoders.ts';
import { refused, VerificationReason, type Refused } from '../verdict.ts';

/** Algorithms that need a public key; the only ones a key set or PEM may be used with. */
export const PUBLIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
/** Algorithms that need a shared secret; never used with anything public. */
export const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;

const COMPACT = /^[\w-]+\.[\w-]*\.[\w-]+$/;
const SMALLEST_RSA_BITS = 2048;
const CURVES: Readonly<Record<string, string>> = {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
};

/** A token whose header was read; nothing in it is trusted yet. */
export type Jws = {
  compact: string;
  signature: Buffer;
  keyId: string | undefined;
  /** Those that are pinned: the only ones its signature is verified with. */
  algorithms: readonly string[];
};

/** Reads a compact token's header and refuses what no key could make right. */
export function readJws(
  compact: string,
  { algorithms }: { algorithms: readonly string[] },
): Jws | Refused {
  // jose reads over white space and over bits nobody uses: two texts would be one token.
  const tail = COMPACT.test(compact) ? compact.slice(compact.lastIndexOf('.') + 1) : '';
  const signature = decodeStrictly(tail, 'base64url');
  if (signature === null) return refused(VerificationReason.MALFORMED, 'not a token');
  const header = headerOf(compact);
  // What `crit` lists must be understood, and nothing is.
  if (header === null || header.crit !== undefined)
    return refused(VerificationReason.MALFORMED, 'the token cannot be read');
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !algorithms.includes(alg))
    return refused(VerificationReason.WRONG_ALGORITHM);
  const keyId = typeof kid === 'string' && kid.length <= 256 ? kid : undefined;
  return { compact, signature, keyId, algorithms };
}

function headerOf(compact: string) {
  try {
    return decodeProtectedHeader(compact);
  } catch {
    return null;
  }
}

/** What a token's signature covers: header and payload as they were written. */
export function signedPart({ compact }: Jws): string {
  return compact.slice(0, compact.lastIndexOf('.'));
}

/** Whether a source can be saved with a key and an algorithm; when a token comes, jose decides. */
export function fitsAlgorithm(key: KeyObject, algorithm: string): boolean {
  if (key.type !== 'public') return false;
  const kind = key.asymmetricKeyType;
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (algorithm === 'EdDSA') return kind === 'ed25519';
  if (algorithm.startsWith('ES')) return kind === 'ec' && namedCurve === CURVES[algorithm];
  return /^[RP]S/.test(algorithm) && kind === 'rsa' && modulusLength >= SMALLEST_RSA_BITS;
}
