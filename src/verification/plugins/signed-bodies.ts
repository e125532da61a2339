import { shortDigest } from '../engine/engine.ts';
import { checkTimestamp, parseTimestamp } from '../engine/timestamp.ts';
import { notDecodable, signedBody, singleHeader, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import { readJws, signedPart, type Jws } from './jws.ts';
import { clockOf, signatureProblem, tokenIn, verifyToken } from './jwt.ts';
import { withKeySet } from './key-sets.ts';
import { publicKeys, withOwnKeys } from './own-keys.ts';
import { textField, type Plugin } from './plugin.ts';

const FIVE_MINUTES_MS = 300_000;

/** Wix sends a JWT as the whole body; the app's public key verifies it. */
export const wix: Plugin = (settings) =>
  withOwnKeys({
    read: (received) => {
      const body = signedBody(received, { over: 'decoded' });
      if (body === null) return notDecodable(received);
      if (body.length === 0) return refused(VerificationReason.MISSING_SIGNATURE, 'an empty body');
      return readJws(body.toString('latin1').trim(), { algorithms: ['RS256'] });
    },
    keysAt: publicKeys(settings.secrets),
    check: async (received, { signed, key }) => {
      const clock = clockOf(received, { leewayMs: settings.toleranceMs });
      const got = await verifyToken(signed, { key, ...clock });
      return 'claims' in got
        ? accepted({ replayKey: shortDigest(Buffer.from(signedPart(signed))) })
        : got;
    },
  });

const FIREBLOCKS_HOSTS: Readonly<Record<string, string>> = {
  US_PRODUCTION: 'keys.fireblocks.io',
  EU: 'eu-keys.fireblocks.io',
  EU2: 'eu2-keys.fireblocks.io',
  SANDBOX: 'sandbox-keys.fireblocks.io',
};

/** Fireblocks signs the body as a detached JWS with the keys of the workspace's region. */
export const fireblocks: Plugin = (settings) => {
  const host = FIREBLOCKS_HOSTS[textField(settings, 'environment')] ?? 'keys.fireblocks.io';
  return withKeySet({
    url: `https://${host}/.well-known/jwks.json`,
    read: (received) =>
      detachedIn(received, { header: 'fireblocks-webhook-signature', algorithms: ['RS512'] }),
    check: async ({ body }, { signed, key }) =>
      (await signatureProblem(attached(signed, body), key)) ?? accepted(),
  });
};

function detachedIn(received: Received, options: Parameters<typeof tokenIn>[1]): Jws | Refused {
  const signed = tokenIn(received, options);
  return 'reason' in signed || signed.compact.includes('..')
    ? signed
    : refused(VerificationReason.MALFORMED, 'not a detached JWS');
}

function attached(signed: Jws, payload: Buffer): Jws {
  const [head, , tail] = signed.compact.split('.');
  return { ...signed, compact: `${head}.${payload.toString('base64url')}.${tail}` };
}

/**
 * Neon signs base64url(timestamp + "." + base64url(body)) as a detached Ed25519 JWS; the timestamp, in
 * milliseconds, stands in its own header.
 */
export const neon: Plugin = (settings) => {
  const base = textField(settings, 'neon_auth_url').replace(/\/+$/, '');
  return withKeySet({
    url: `${base}/.well-known/jwks.json`,
    read: readNeon,
    check: async (received, { signed, key }) => {
      const inner = `${signed.timestamp}.${received.body.toString('base64url')}`;
      const wrong = await signatureProblem(attached(signed, Buffer.from(inner)), key);
      if (wrong !== null) return wrong;
      const toleranceMs = settings.toleranceMs ?? FIVE_MINUTES_MS;
      const { receivedAtMs } = received;
      const late =
        toleranceMs === 0 ? null : checkTimestamp(signed.signedAtMs, { receivedAtMs, toleranceMs });
      return late ?? accepted({ replayKey: shortDigest(signed.signature) });
    },
  });
};

type NeonJws = Jws & { timestamp: string; signedAtMs: number };

function readNeon(received: Received): NeonJws | Refused {
  const signed = detachedIn(received, { header: 'x-neon-signature', algorithms: ['EdDSA'] });
  if ('reason' in signed) return signed;
  const timestamp = singleHeader(received, 'x-neon-timestamp');
  const signedAtMs = timestamp === undefined ? null : parseTimestamp(timestamp, 'ms');
  if (timestamp === undefined || signedAtMs === null)
    return refused(VerificationReason.MISSING_TIMESTAMP);
  // The key id may stand only in its own header: the set is narrowed to it.
  const keyId = singleHeader(received, 'x-neon-signature-kid') ?? signed.keyId;
  return { ...signed, keyId, timestamp, signedAtMs };
}
