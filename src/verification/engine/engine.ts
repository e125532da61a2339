import { createHash } from 'node:crypto';
import { notDecodable, signedBody, signedUrl, type Received, type Secret } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused, type Verdict } from '../verdict.ts';
import { decodeStrictly } from './decoders.ts';
import { findHint } from './hints.ts';
import { readKey, type Key } from './key.ts';
import { readSignatures, type SignatureGroup } from './layout.ts';
import { isDuplicate, isInBody, readPlace, type PlaceContext } from './place.ts';
import type { SignedScheme } from './scheme.ts';
import { matchingSignature } from './signer.ts';
import { compileTemplate, type TemplateContext } from './template.ts';
import { checkTimestamp, parseTimestamp } from './timestamp.ts';

export type SignedSettings = {
  secrets: readonly Secret[];
  /** Overrides the scheme's tolerance; 0 switches the check off. */
  toleranceMs?: number | undefined;
  /** Overrides whether a repeated signature is a replay. */
  replayProtection?: boolean | undefined;
  /** The URL as registered at the provider, where it differs from the one the request came to. */
  registeredUrl?: string | undefined;
  fields?: Readonly<Record<string, string>> | undefined;
};

/** Verifies one request; cheap, synchronous, never throws. */
export type Verify = (received: Received) => Verdict;

type Match = { group: SignatureGroup; signature: Buffer };

/** Verifies one request by a scheme given as data. To verify many with one configuration, compile it. */
export function verify(
  scheme: SignedScheme,
  secrets: readonly Secret[],
  received: Received,
): Verdict {
  return compileSigned(scheme, { secrets })(received);
}

/** Compiles a scheme and its keys once, so that a request costs a digest and a comparison. */
export function compileSigned(scheme: SignedScheme, settings: SignedSettings): Verify {
  const match = compileMatch(scheme, settings);
  return (received) => {
    const unsigned = unsignedBomb(received, scheme);
    if (unsigned !== null) return unsigned;
    const body = signedBody(received, { over: scheme.over });
    if (body === null) return notDecodable(received);
    const found = match(received, body);
    if ('reason' in found) return found;
    const context: PlaceContext = { received, body, pairs: found.group.pairs };
    const late = checkAge(scheme, settings, context);
    return late ?? accepted({ replayKey: replayKey(scheme, { settings, context, match: found }) });
  };
}

const NOTHING = Buffer.alloc(0);

// Decoding holds everybody up, so a request without a signature is not worth it.
function unsignedBomb(received: Received, scheme: SignedScheme): Refused | null {
  const isDecoded = scheme.over === 'decoded' && received.decodedBody !== undefined;
  if (!isDecoded || isInBody(scheme.signature)) return null;
  const groups = readSignatures(received, { scheme, body: NOTHING });
  return 'reason' in groups ? groups : null;
}

function compileMatch(scheme: SignedScheme, settings: SignedSettings) {
  const template = compileTemplate(scheme.content);
  const matcherFor = (other: SignedScheme, secrets: readonly Secret[]) =>
    matcher(other, {
      settings,
      template,
      keys: secrets.map((secret) => ({ secret, key: compileKey(secret, other) })),
    });
  const find = matcherFor(scheme, settings.secrets);
  const attempt = (other: SignedScheme, secrets: readonly Secret[], received: Received) => {
    const body = signedBody(received, { over: other.over });
    return body !== null && !('reason' in matcherFor(other, secrets)(received, body));
  };
  return (received: Received, body: Buffer): Match | Refused => {
    const found = find(received, body);
    if (!('reason' in found) || found.reason !== VerificationReason.WRONG_SECRET_OR_BODY)
      return found;
    const hint = findHint(received, { scheme, body, secrets: settings.secrets, attempt });
    return refused(found.reason, hint);
  };
}

function compileKey(secret: Secret, scheme: SignedScheme): Key | null {
  const key = readKey(secret.value, { encoding: scheme.key, algorithm: scheme.algorithm });
  return 'problem' in key ? null : key;
}

type Matcher = {
  settings: SignedSettings;
  template: (context: TemplateContext) => Buffer[] | null;
  keys: readonly { secret: Secret; key: Key | null }[];
};

function matcher(scheme: SignedScheme, { settings, template, keys }: Matcher) {
  return (received: Received, body: Buffer): Match | Refused => {
    const groups = readSignatures(received, { scheme, body });
    if ('reason' in groups) return groups;
    const valid = keys.filter(({ secret }) => isActive(secret, received));
    if (valid.length === 0) return refused(VerificationReason.NO_ACTIVE_SECRET);
    let match: Match | null = null;
    let readable = false;
    for (const group of groups) {
      const signatures = decodeAll(group.signatures, scheme);
      readable ||= signatures.length > 0;
      for (const { key } of valid) {
        if (key === null || signatures.length === 0) continue;
        const content = template(contextFor(received, { body, group, key, settings }));
        if (content === null)
          return refused(VerificationReason.MALFORMED, 'a signed part is missing or doubled');
        const signature = matchingSignature(content, {
          algorithm: scheme.algorithm,
          key,
          signatures,
        });
        if (signature !== null) match ??= { group, signature };
      }
    }
    if (match !== null) return match;
    return readable
      ? refused(VerificationReason.WRONG_SECRET_OR_BODY)
      : refused(VerificationReason.MALFORMED, `the signature is not ${scheme.encoding}`);
  };
}

function isActive({ value, notAfterMs }: Secret, { receivedAtMs }: Received): boolean {
  return value !== '' && (notAfterMs === undefined || receivedAtMs <= notAfterMs);
}

function decodeAll(signatures: readonly string[], { encoding }: SignedScheme): Buffer[] {
  return signatures.map((text) => decodeStrictly(text, encoding)).filter((bytes) => bytes !== null);
}

function contextFor(
  received: Received,
  {
    body,
    group,
    key,
    settings,
  }: { body: Buffer; group: SignatureGroup; key: Key; settings: SignedSettings },
): TemplateContext {
  return {
    received,
    body,
    url: signedUrl(received, settings.registeredUrl),
    pairs: group.pairs,
    secret: key.kind === 'secret' ? key.bytes : Buffer.alloc(0),
    fields: settings.fields ?? {},
  };
}

function checkAge(
  scheme: SignedScheme,
  settings: SignedSettings,
  context: PlaceContext,
): Refused | null {
  const rule = scheme.timestamp;
  if (rule === undefined) return null;
  const toleranceMs = settings.toleranceMs ?? rule.toleranceMs;
  if (toleranceMs === null || toleranceMs === 0) return null;
  const text = readPlace(rule.from, context);
  if (isDuplicate(text))
    return refused(VerificationReason.DUPLICATE_SIGNATURE, 'the timestamp stands twice');
  if (text === undefined || text === '') return refused(VerificationReason.MISSING_TIMESTAMP);
  const signedAtMs = parseTimestamp(text, rule.unit);
  if (signedAtMs === null)
    return refused(VerificationReason.MALFORMED, 'the timestamp cannot be read');
  return checkTimestamp(signedAtMs, {
    receivedAtMs: context.received.receivedAtMs,
    toleranceMs,
    unit: rule.unit,
  });
}

function replayKey(
  scheme: SignedScheme,
  { settings, context, match }: { settings: SignedSettings; context: PlaceContext; match: Match },
): string | undefined {
  const { replay } = scheme;
  if (settings.replayProtection === false) return undefined;
  if (replay !== 'signature' && replay !== 'none') {
    const id = readPlace(replay, context);
    if (typeof id === 'string' && id !== '')
      return id.length <= 64 ? id : shortDigest(Buffer.from(id));
  }
  const wanted = settings.replayProtection === true || replay !== 'none';
  // ECDSA and RSA-PSS allow several signatures for one message, so there the message itself is the mark.
  if (!wanted) return undefined;
  // A MAC is as good a digest as one made of it.
  if (match.signature.length >= 16 && isDigest(scheme))
    return match.signature.subarray(0, 16).toString('base64url');
  return shortDigest(isUnique(scheme) ? match.signature : signedMoment(scheme, context));
}

function isDigest({ algorithm }: SignedScheme): boolean {
  return algorithm.startsWith('hmac-') || algorithm.startsWith('hash-');
}

function isUnique({ algorithm }: SignedScheme): boolean {
  return !algorithm.startsWith('ecdsa') && !algorithm.startsWith('rsa-pss');
}

function signedMoment(scheme: SignedScheme, context: PlaceContext): Buffer {
  const text = scheme.timestamp === undefined ? '' : readPlace(scheme.timestamp.from, context);
  return Buffer.concat([Buffer.from(typeof text === 'string' ? text : ''), context.body]);
}

/** 128 bits are enough for a unique index over one source's tolerance window. */
export function shortDigest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest().subarray(0, 16).toString('base64url');
}
