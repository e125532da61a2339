import { createHash, type KeyObject } from 'node:crypto';
import {
  compactVerify,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose';
import { sameBytes } from '../engine/decoders.ts';
import { shortDigest } from '../engine/engine.ts';
import { headerValues, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import { readJws, signedPart, type Jws } from './jws.ts';

/** Longer ones are not read; in characters. */
export const LONGEST_TOKEN = 16_384;
const LEEWAY_MS = 60_000;

/** A key, or a key set that picks the one a token was signed with. */
export type TokenKey = KeyObject | JWTVerifyGetKey;

/** The token in a header, its header read; a refusal where it cannot be right. */
export function tokenIn(
  received: Received,
  { header, algorithms }: { header: string; algorithms: readonly string[] },
): Jws | Refused {
  const token = tokenFromHeader(received, header);
  return typeof token === 'string' ? readJws(token, { algorithms }) : token;
}

/** The token of a header, without `Bearer `; a refusal where it is absent or doubled. */
function tokenFromHeader(received: Received, name: string): string | Refused {
  const values = headerValues(received, { name });
  if (values.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
  const value = values[0]?.replace(/^Bearer /i, '').trim();
  if (value === undefined || value === '')
    return refused(VerificationReason.MISSING_SIGNATURE, `no header ${name}`);
  return value.length > LONGEST_TOKEN ? refused(VerificationReason.MALFORMED) : value;
}

/** The clock at the time of receipt, and how far the sender's may be off: a minute where it is not set. */
export function clockOf(
  { receivedAtMs }: Received,
  { leewayMs = LEEWAY_MS }: { leewayMs?: number | undefined } = {},
): JWTVerifyOptions {
  return { currentDate: new Date(receivedAtMs), clockTolerance: leewayMs / 1000 };
}

/** Verifies a token's signature and then its claims. */
export async function verifyToken(
  { compact, algorithms }: Jws,
  { key, ...options }: { key: TokenKey } & JWTVerifyOptions,
): Promise<{ claims: JWTPayload } | Refused> {
  try {
    const pinned = { ...options, algorithms: [...algorithms] };
    return { claims: (await jwtVerify(compact, key, pinned)).payload };
  } catch (error) {
    return refusalOf(error);
  }
}

/** Why a token's signature is not the key's, whatever it signs; null where it is. */
export async function signatureProblem(
  { compact, algorithms }: Jws,
  key: TokenKey,
): Promise<Refused | null> {
  try {
    await compactVerify(compact, key, { algorithms: [...algorithms] });
    return null;
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): Refused {
  if (error instanceof errors.JWTExpired) {
    const isAge = error.claim === 'iat';
    const hint = isAge ? 'the token was issued too long ago' : 'the token has expired';
    return refused(VerificationReason.TIMESTAMP_TOO_OLD, hint);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    const isEarly = reason === 'check_failed' && (claim === 'nbf' || claim === 'iat');
    const { TIMESTAMP_IN_FUTURE, WRONG_CLAIMS } = VerificationReason;
    return refused(isEarly ? TIMESTAMP_IN_FUTURE : WRONG_CLAIMS, `claim ${claim}`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refused(VerificationReason.WRONG_SECRET_OR_BODY);
  if (error instanceof errors.JWKSNoMatchingKey) return refused(VerificationReason.KEY_NOT_FOUND);
  if (error instanceof errors.JWTInvalid)
    return refused(VerificationReason.MALFORMED, 'the token holds no claims');
  if (error instanceof errors.JOSEError && !(error instanceof errors.JOSEAlgNotAllowed))
    return refused(VerificationReason.MALFORMED);
  // A key of another kind than the algorithm's, or too short for it, is no JOSEError but one of the platform's.
  return refused(VerificationReason.WRONG_ALGORITHM);
}

/** Whether a claim holds the SHA-256 of the body. */
export function bodyMatches(
  body: Buffer,
  { claim, encoding }: { claim: unknown; encoding: 'hex' | 'base64' },
): boolean {
  const digest = createHash('sha256').update(body).digest(encoding);
  return typeof claim === 'string' && sameBytes(Buffer.from(claim), Buffer.from(digest));
}

export function otherBody(): Refused {
  return refused(
    VerificationReason.WRONG_SECRET_OR_BODY,
    'the token is good but was made for another body',
  );
}

/**
 * A token that marks a replay: by its own id, or by what was signed. The signature is no mark, because ECDSA allows
 * several for one message.
 */
export function acceptedOnce(jws: Jws, { jti, exp }: JWTPayload) {
  const isId = typeof jti === 'string' && jti !== '';
  const replayKey = shortDigest(Buffer.from(isId ? jti : signedPart(jws)));
  return accepted({ replayKey, replayUntilMs: exp === undefined ? undefined : exp * 1000 });
}
