import { createHash, type KeyObject } from 'node:crypto';
import { sameBytes } from '../engine/decoders.ts';
import { shortDigest } from '../engine/engine.ts';
import { headerValues, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import { jsonObject, signatureProblem, type Jws } from './jws.ts';

const LONGEST_TOKEN = 16_384;
const LEEWAY_MS = 60_000;

type Claims = Readonly<Record<string, unknown>>;

export type ClaimRules = {
  receivedAtMs: number;
  /** How far the sender's clock may be off; a minute where it is not set. */
  leewayMs?: number | undefined;
  audience?: string | undefined;
  issuers?: readonly string[] | undefined;
  required?: readonly string[] | undefined;
  /** How long after it was issued a token is good, whatever it says itself. */
  maxAgeMs?: number | undefined;
};

/** The token of a header, without `Bearer `; a refusal where it is absent or doubled. */
export function tokenFromHeader(received: Received, name: string): string | Refused {
  const values = headerValues(received, { name });
  if (values.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
  const value = values[0]?.replace(/^Bearer /i, '').trim();
  if (value === undefined || value === '')
    return refused(VerificationReason.MISSING_SIGNATURE, `no header ${name}`);
  return value.length > LONGEST_TOKEN ? refused(VerificationReason.MALFORMED) : value;
}

/** Verifies a token's signature and then its claims, with the clock set to the time of receipt. */
export function verifyToken(
  jws: Jws,
  { key, ...rules }: ClaimRules & { key: KeyObject },
): { claims: Claims } | Refused {
  const wrong = signatureProblem(jws, key);
  if (wrong !== null) return wrong;
  const claims = jsonObject(Buffer.from(jws.payload, 'base64url'));
  if (claims === null) return refused(VerificationReason.MALFORMED, 'the token holds no claims');
  return claimsProblem(claims, rules) ?? { claims };
}

function claimsProblem(claims: Claims, rules: ClaimRules): Refused | null {
  const { audience, issuers, required = [] } = rules;
  const absent = required.find((name) => claims[name] === undefined);
  if (absent !== undefined) return wrongClaim(absent);
  if (issuers !== undefined && !issuers.some((one) => one === claims['iss']))
    return wrongClaim('iss');
  if (audience !== undefined && ![claims['aud']].flat().includes(audience))
    return wrongClaim('aud');
  const notANumber = ['iat', 'nbf', 'exp'].find(
    (name) => claims[name] !== undefined && typeof claims[name] !== 'number',
  );
  return notANumber === undefined ? timeProblem(claims, rules) : wrongClaim(notANumber);
}

function timeProblem(
  claims: Claims,
  { receivedAtMs, leewayMs = LEEWAY_MS, maxAgeMs }: ClaimRules,
): Refused | null {
  const nbf = claimMs(claims, 'nbf');
  const exp = claimMs(claims, 'exp');
  if (nbf !== undefined && nbf > receivedAtMs + leewayMs)
    return refused(VerificationReason.TIMESTAMP_IN_FUTURE, 'claim nbf');
  if (exp !== undefined && exp <= receivedAtMs - leewayMs)
    return refused(VerificationReason.TIMESTAMP_TOO_OLD, 'the token has expired');
  if (maxAgeMs === undefined) return null;
  const iat = claimMs(claims, 'iat');
  if (iat === undefined) return wrongClaim('iat');
  if (iat > receivedAtMs + leewayMs)
    return refused(VerificationReason.TIMESTAMP_IN_FUTURE, 'claim iat');
  return receivedAtMs - iat > maxAgeMs + leewayMs
    ? refused(VerificationReason.TIMESTAMP_TOO_OLD, 'the token was issued too long ago')
    : null;
}

/** A claim that says a time, in milliseconds; undefined where the token has none. */
function claimMs(claims: Claims, name: string): number | undefined {
  const seconds = claims[name];
  return typeof seconds === 'number' ? seconds * 1000 : undefined;
}

function wrongClaim(name: string): Refused {
  return refused(VerificationReason.WRONG_CLAIMS, `claim ${name}`);
}

/** Whether a claim holds the SHA-256 of the body. */
export function bodyMatches(
  body: Buffer,
  { claim, encoding }: { claim: unknown; encoding: 'hex' | 'base64' },
): boolean {
  const digest = createHash('sha256').update(body).digest(encoding);
  return typeof claim === 'string' && sameBytes(Buffer.from(claim), Buffer.from(digest));
}

/**
 * A token that marks a replay: by its own id, or by what was signed. The signature is no mark, because ECDSA allows
 * several for one message.
 */
export function acceptedOnce(jws: Jws, claims: Claims) {
  const { jti } = claims;
  const isId = typeof jti === 'string' && jti !== '';
  const replayKey = shortDigest(Buffer.from(isId ? jti : jws.signed));
  return accepted({ replayKey, replayUntilMs: claimMs(claims, 'exp') });
}
