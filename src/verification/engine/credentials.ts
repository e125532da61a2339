import { createHash } from 'node:crypto';
import {
  activeSecrets,
  headerValues,
  notDecodable,
  signedBody,
  type Received,
  type Secret,
} from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import { decodeStrictly, sameBytes } from './decoders.ts';
import type { Verify } from './engine.ts';
import { isDuplicate, isInBody, readPlace } from './place.ts';
import type { TokenScheme } from './scheme.ts';

const NOTHING = Buffer.alloc(0);

/** Verifies a shared value that comes with the request: an API key, a bearer token, a token in the body. */
export function compileToken(scheme: TokenScheme, secrets: readonly Secret[]): Verify {
  return (received) => {
    const body = isInBody(scheme.place) ? signedBody(received, { over: 'decoded' }) : NOTHING;
    if (body === null) return notDecodable(received);
    const found = readPlace(scheme.place, { received, body });
    if (isDuplicate(found)) return refused(VerificationReason.DUPLICATE_SIGNATURE);
    if (found === undefined || found === '') return missing(scheme, { isEmpty: found === '' });
    const token = withoutPrefix(found, scheme.prefix);
    return token === null
      ? refused(VerificationReason.MALFORMED, `the value does not begin with ${scheme.prefix}`)
      : compareTokens(token, { secrets, received });
  };
}

function missing({ place }: TokenScheme, { isEmpty }: { isEmpty: boolean }): Refused {
  const name = place.replace(':', ' ');
  return refused(VerificationReason.MISSING_SIGNATURE, isEmpty ? `${name} is empty` : `no ${name}`);
}

// The word before a token (Bearer, Token) is not case-sensitive in HTTP.
function withoutPrefix(value: string, prefix: string | undefined): string | null {
  if (prefix === undefined) return value;
  return value.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase()
    ? value.slice(prefix.length)
    : null;
}

function compareTokens(
  token: string,
  { secrets, received }: { secrets: readonly Secret[]; received: Received },
) {
  const valid = activeSecrets(secrets, { atMs: received.receivedAtMs });
  if (valid.length === 0) return refused(VerificationReason.NO_ACTIVE_SECRET);
  let same = false;
  for (const { value } of valid) same = sameText(token, value) || same;
  if (same) return accepted();
  const trims = valid.some(({ value }) => value.trim() === token.trim());
  return refused(
    VerificationReason.WRONG_CREDENTIALS,
    trims ? 'it matches with the spaces around it removed' : undefined,
  );
}

/** Verifies HTTP Basic credentials; every secret is a password of the one user. */
export function compileBasic({
  username,
  secrets,
}: {
  username: string;
  secrets: readonly Secret[];
}): Verify {
  return (received) => {
    const values = headerValues(received, { name: 'authorization' });
    if (values.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
    const value = values[0];
    if (value === undefined)
      return refused(VerificationReason.MISSING_SIGNATURE, 'no header authorization');
    const encoded = withoutPrefix(value, 'Basic ');
    const decoded = encoded === null ? null : decodeStrictly(encoded.trim(), 'base64');
    if (decoded === null)
      return refused(VerificationReason.MALFORMED, 'not Basic followed by base64');
    const valid = activeSecrets(secrets, { atMs: received.receivedAtMs });
    if (valid.length === 0) return refused(VerificationReason.NO_ACTIVE_SECRET);
    const given = decoded.toString('utf8');
    let same = false;
    for (const { value: password } of valid)
      same = sameText(given, `${username}:${password}`) || same;
    return same ? accepted() : refused(VerificationReason.WRONG_CREDENTIALS);
  };
}

// Digests are of one length whatever was sent, so not even the length of the secret shows in the time taken.
function sameText(a: string, b: string): boolean {
  return sameBytes(sha256(a), sha256(b));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
