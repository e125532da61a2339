import { createPublicKey } from 'node:crypto';
import { decodeStrictly } from '../engine/decoders.ts';
import { shortDigest } from '../engine/engine.ts';
import { checkTimestamp, parseTimestamp } from '../engine/timestamp.ts';
import { activeSecrets, signedBody, singleHeader, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import type { Keys } from '../verifier.ts';
import { fetchKeySet, keyIdOf, tokenFromHeader, verifyCompact, verifyToken } from './jwt.ts';
import { textField, type Plugin } from './plugin.ts';

const FIVE_MINUTES_MS = 300_000;
const DEFERRED = () => ({ deferred: true }) as const;

/** Wix sends a JWT as the whole body; the app's public key verifies it. */
export const wix: Plugin = (settings) => ({
  verify: DEFERRED,
  settle: async (received) => {
    const body = signedBody(received, { over: 'decoded' });
    if (body === null) return refused(VerificationReason.BODY_NOT_DECODABLE);
    const token = body.toString('latin1').trim();
    let last: Refused = refused(VerificationReason.NO_ACTIVE_SECRET);
    for (const { value } of activeSecrets(settings.secrets, { atMs: received.receivedAtMs })) {
      const got = await verifyToken(token, {
        key: createPublicKey(value),
        algorithms: ['RS256'],
        receivedAtMs: received.receivedAtMs,
      });
      if ('claims' in got) return accepted({ replayKey: shortDigest(Buffer.from(token)) });
      last = got;
    }
    return last;
  },
});

const FIREBLOCKS_HOSTS: Readonly<Record<string, string>> = {
  US_PRODUCTION: 'keys.fireblocks.io',
  EU: 'eu-keys.fireblocks.io',
  EU2: 'eu2-keys.fireblocks.io',
  SANDBOX: 'sandbox-keys.fireblocks.io',
};

/** Fireblocks signs the body as a detached JWS with the keys of the workspace's region. */
export const fireblocks: Plugin = (settings) => ({
  verify: DEFERRED,
  settle: async (received, keys) => {
    const host = FIREBLOCKS_HOSTS[textField(settings, 'environment')] ?? 'keys.fireblocks.io';
    const url = `https://${host}/.well-known/jwks.json`;
    return detached(received, {
      header: 'fireblocks-webhook-signature',
      url,
      keys,
      algorithm: 'RS512',
    });
  },
});

async function detached(
  received: Received,
  { header, url, keys, algorithm }: { header: string; url: string; keys: Keys; algorithm: string },
) {
  const value = tokenFromHeader(received, header);
  if (typeof value !== 'string') return value;
  const token = attach(value, received.body.toString('base64url'));
  if (token === null) return refused(VerificationReason.MALFORMED, 'not a detached JWS');
  const key = await fetchKeySet(url, { keys, keyId: keyIdOf(token) });
  if ('reason' in key) return key;
  const payload = await verifyCompact(token, { key, algorithms: [algorithm] });
  return Buffer.isBuffer(payload) ? accepted() : payload;
}

function attach(detachedToken: string, payload: string): string | null {
  const parts = detachedToken.split('.');
  return parts.length === 3 && parts[1] === '' ? `${parts[0]}.${payload}.${parts[2]}` : null;
}

/**
 * Neon signs base64url(timestamp + "." + base64url(body)) as a detached Ed25519 JWS; the timestamp, in
 * milliseconds, stands in its own header.
 */
export const neon: Plugin = (settings) => ({
  verify: DEFERRED,
  settle: async (received, keys) => {
    const value = tokenFromHeader(received, 'x-neon-signature');
    if (typeof value !== 'string') return value;
    const timestamp = singleHeader(received, 'x-neon-timestamp');
    const signedAtMs = timestamp === undefined ? null : parseTimestamp(timestamp, 'ms');
    if (timestamp === undefined || signedAtMs === null)
      return refused(VerificationReason.MISSING_TIMESTAMP);
    const inner = `${timestamp}.${received.body.toString('base64url')}`;
    const token = attach(value, Buffer.from(inner).toString('base64url'));
    if (token === null) return refused(VerificationReason.MALFORMED, 'not a detached JWS');
    const base = textField(settings, 'neon_auth_url').replace(/\/+$/, '');
    const keyId = singleHeader(received, 'x-neon-signature-kid') ?? keyIdOf(token);
    const set = await fetchKeySet(`${base}/.well-known/jwks.json`, { keys, keyId });
    if ('reason' in set) return set;
    // The key id may stand only in its own header: the set is narrowed to it here.
    const key = { keys: set.keys.filter((one) => keyId === undefined || one.kid === keyId) };
    const payload = await verifyCompact(token, { key, algorithms: ['EdDSA'] });
    if (!Buffer.isBuffer(payload)) return payload;
    const toleranceMs = settings.toleranceMs ?? FIVE_MINUTES_MS;
    const late =
      toleranceMs === 0
        ? null
        : checkTimestamp(signedAtMs, { receivedAtMs: received.receivedAtMs, toleranceMs });
    return (
      late ??
      accepted({
        replayKey: shortDigest(
          decodeStrictly(value.split('.')[2] ?? '', 'base64url') ?? received.body,
        ),
      })
    );
  },
});
