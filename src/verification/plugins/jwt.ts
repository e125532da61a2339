import { createHash, type KeyObject } from 'node:crypto';
import {
  compactVerify,
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyOptions,
} from 'jose';
import { sameBytes } from '../engine/decoders.ts';
import { shortDigest } from '../engine/engine.ts';
import { headerValues, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import type { Keys } from '../verifier.ts';

const MOST_KEYS = 100;
const LONGEST_TOKEN = 16_384;

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

export type TokenKey = Uint8Array | KeyObject | JSONWebKeySet;

/** The token of a header, without `Bearer `; a refusal where it is absent or doubled. */
export function tokenFromHeader(received: Received, name: string): string | Refused {
  const values = headerValues(received, { name });
  if (values.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
  const value = values[0]?.replace(/^Bearer /i, '').trim();
  if (value === undefined || value === '')
    return refused(VerificationReason.MISSING_SIGNATURE, `no header ${name}`);
  return value.length > LONGEST_TOKEN ? refused(VerificationReason.MALFORMED) : value;
}

/** The key id a token names; undefined where it names none or cannot be read. */
export function keyIdOf(token: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(token);
    return typeof kid === 'string' && kid.length <= 256 ? kid : undefined;
  } catch {
    return undefined;
  }
}

/** Verifies a JWT with the algorithms pinned and the clock set to the time of receipt. */
export async function verifyToken(
  token: string,
  {
    key,
    receivedAtMs,
    ...options
  }: { key: TokenKey; algorithms: string[]; receivedAtMs: number } & JWTVerifyOptions,
): Promise<{ claims: JWTPayload } | Refused> {
  const settings = { clockTolerance: 60, ...options, currentDate: new Date(receivedAtMs) };
  try {
    const verified = isKeySet(key)
      ? await jwtVerify(token, createLocalJWKSet(key), settings)
      : await jwtVerify(token, key, settings);
    return { claims: verified.payload };
  } catch (error) {
    return refusalOf(error);
  }
}

/** Verifies a compact JWS that need not carry claims. */
export async function verifyCompact(
  token: string,
  { key, algorithms }: { key: TokenKey; algorithms: string[] },
): Promise<Buffer | Refused> {
  try {
    const { payload } = isKeySet(key)
      ? await compactVerify(token, createLocalJWKSet(key), { algorithms })
      : await compactVerify(token, key, { algorithms });
    return Buffer.from(payload);
  } catch (error) {
    return refusalOf(error);
  }
}

// Byte arrays have a method of that name.
function isKeySet(key: TokenKey): key is JSONWebKeySet {
  return Array.isArray((key as { keys?: unknown }).keys);
}

function refusalOf(error: unknown): Refused {
  if (error instanceof errors.JWTExpired)
    return refused(VerificationReason.TIMESTAMP_TOO_OLD, 'the token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'nbf' || (error.claim === 'iat' && error.reason === 'check_failed')
      ? refused(VerificationReason.TIMESTAMP_IN_FUTURE, `claim ${error.claim}`)
      : refused(VerificationReason.WRONG_CLAIMS, `claim ${error.claim}`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refused(VerificationReason.WRONG_SECRET_OR_BODY);
  if (error instanceof errors.JOSEAlgNotAllowed) return refused(VerificationReason.WRONG_ALGORITHM);
  if (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return refused(VerificationReason.KEY_NOT_FOUND);
  }
  // jose refuses a key of another kind than the algorithm with a TypeError.
  return refused(
    error instanceof TypeError ? VerificationReason.WRONG_ALGORITHM : VerificationReason.MALFORMED,
  );
}

/** Checks that a value is a key set of reasonable size. */
function readKeySet(value: unknown): JSONWebKeySet | Refused {
  const keys =
    typeof value === 'object' && value !== null ? (value as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(keys)) return refused(VerificationReason.KEY_UNAVAILABLE, 'not a key set');
  if (keys.length > MOST_KEYS)
    return refused(VerificationReason.KEY_UNAVAILABLE, `a key set of more than ${MOST_KEYS} keys`);
  return { keys: keys as JSONWebKeySet['keys'] };
}

/** Fetches the key set that has the token's key; asks once more where the key is new. */
export async function fetchKeySet(
  url: string,
  { keys, keyId }: { keys: Keys; keyId: string | undefined },
): Promise<JSONWebKeySet | Refused> {
  for (const fresh of [false, true]) {
    const got = await keys.json(url, { fresh });
    if ('reason' in got) return got;
    const set = readKeySet(got.value);
    if ('reason' in set || keyId === undefined || set.keys.some((key) => key.kid === keyId))
      return set;
  }
  return refused(VerificationReason.KEY_NOT_FOUND, 'no key with the id the signature names');
}

/** Whether a claim holds the SHA-256 of the body. */
export function bodyMatches(
  body: Buffer,
  { claim, encoding }: { claim: unknown; encoding: 'hex' | 'base64' },
): boolean {
  const digest = createHash('sha256').update(body).digest(encoding);
  return typeof claim === 'string' && sameBytes(Buffer.from(claim), Buffer.from(digest));
}

/** A token that was verified; its own id, or the token itself, marks a replay. */
export function acceptedToken(token: string, claims: JWTPayload) {
  return accepted({ replayKey: shortDigest(Buffer.from(claims.jti ?? token)) });
}
