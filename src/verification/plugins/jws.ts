import { constants, createHmac, verify, type KeyObject } from 'node:crypto';
import { decodeStrictly, sameBytes } from '../engine/decoders.ts';
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

/** A token taken apart; nothing in it is trusted yet. */
export type Jws = {
  algorithm: string;
  keyId: string | undefined;
  /** What the signature covers: header and payload as they were written. */
  signed: string;
  payload: string;
  signature: Buffer;
};

/** Takes a compact token apart and refuses algorithms that are not pinned: neither needs a key. */
export function readJws(
  token: string,
  { algorithms }: { algorithms: readonly string[] },
): Jws | Refused {
  if (!COMPACT.test(token)) return refused(VerificationReason.MALFORMED, 'not a token');
  const [head = '', payload = '', tail = ''] = token.split('.');
  const header = jsonObject(decodeStrictly(head, 'base64url'));
  const signature = decodeStrictly(tail, 'base64url');
  // What `crit` lists must be understood, and nothing is.
  if (header === null || signature === null || header['crit'] !== undefined)
    return refused(VerificationReason.MALFORMED, 'the token cannot be read');
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !algorithms.includes(alg))
    return refused(VerificationReason.WRONG_ALGORITHM);
  const keyId = typeof kid === 'string' && kid.length <= 256 ? kid : undefined;
  return { algorithm: alg, keyId, signed: `${head}.${payload}`, payload, signature };
}

/** The object a JSON text holds; null where it is none. */
export function jsonObject(bytes: Buffer | null): Record<string, unknown> | null {
  try {
    const value: unknown = bytes === null ? null : JSON.parse(bytes.toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Why a token's signature is not the key's; null where it is. */
export function signatureProblem(jws: Jws, key: KeyObject): Refused | null {
  if (!fitsAlgorithm(key, jws.algorithm)) return refused(VerificationReason.WRONG_ALGORITHM);
  return isSigned(jws, key) ? null : refused(VerificationReason.WRONG_SECRET_OR_BODY);
}

/** Whether a key is of the algorithm's kind: a public key never stands in for a secret, nor the other way round. */
export function fitsAlgorithm(key: KeyObject, algorithm: string): boolean {
  if (algorithm.startsWith('HS')) return key.type === 'secret';
  if (key.type !== 'public') return false;
  if (algorithm === 'EdDSA') return key.asymmetricKeyType === 'ed25519';
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (algorithm.startsWith('ES'))
    return key.asymmetricKeyType === 'ec' && namedCurve === CURVES[algorithm];
  return key.asymmetricKeyType === 'rsa' && modulusLength >= SMALLEST_RSA_BITS;
}

function isSigned({ algorithm, signed, signature }: Jws, key: KeyObject): boolean {
  const content = Buffer.from(signed);
  const hash = `sha${algorithm.slice(2)}`;
  try {
    switch (algorithm.slice(0, 2)) {
      case 'HS':
        return sameBytes(createHmac(hash, key).update(content).digest(), signature);
      case 'RS':
        return verify(hash, content, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
      case 'PS': {
        const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
        const padding = constants.RSA_PKCS1_PSS_PADDING;
        return verify(hash, content, { key, padding, saltLength }, signature);
      }
      case 'ES':
        return verify(hash, content, { key, dsaEncoding: 'ieee-p1363' }, signature);
      default:
        return algorithm === 'EdDSA' && verify(null, content, key, signature);
    }
  } catch {
    return false;
  }
}
