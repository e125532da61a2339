import type { KeyObject } from 'node:crypto';
import { shortDigest } from '../engine/engine.ts';
import { publicKeyIn } from '../engine/key.ts';
import { checkTimestamp, parseTimestamp } from '../engine/timestamp.ts';
import {
  activeSecrets,
  notDecodable,
  signedBody,
  singleHeader,
  type Received,
} from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import { readJws, signatureProblem, type Jws } from './jws.ts';
import { verifyToken } from './jwt.ts';
import { keyFor, withKeySet } from './key-sets.ts';
import { textField, type Plugin } from './plugin.ts';
import { tokenIn } from './tokens.ts';

const FIVE_MINUTES_MS = 300_000;

/** Wix sends a JWT as the whole body; the app's public key verifies it. */
export const wix: Plugin = (settings) => {
  const keys = new Map(settings.secrets.map(({ value }) => [value, publicKeyIn(value)]));
  return {
    verify: (received) => {
      const body = signedBody(received, { over: 'decoded' });
      if (body === null) return notDecodable(received);
      if (body.length === 0) return refused(VerificationReason.MISSING_SIGNATURE, 'an empty body');
      const signed = readJws(body.toString('latin1').trim(), { algorithms: ['RS256'] });
      if ('reason' in signed) return signed;
      const valid = activeSecrets(settings.secrets, { atMs: received.receivedAtMs });
      return wixVerdict(signed, {
        received,
        leewayMs: settings.toleranceMs,
        keys: valid.map(({ value }) => keys.get(value) ?? null).filter((key) => key !== null),
      });
    },
  };
};

function wixVerdict(
  signed: Jws,
  {
    received,
    leewayMs,
    keys,
  }: { received: Received; leewayMs: number | undefined; keys: KeyObject[] },
) {
  let last: Refused = refused(VerificationReason.NO_ACTIVE_SECRET);
  for (const key of keys) {
    const got = verifyToken(signed, { key, leewayMs, receivedAtMs: received.receivedAtMs });
    if ('claims' in got) return accepted({ replayKey: shortDigest(Buffer.from(signed.signed)) });
    last = got;
  }
  return last;
}

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
    check: ({ body }, { signed, keys }) => {
      const key = keyFor(signed, keys);
      if ('reason' in key) return key;
      return signatureProblem(attached(signed, body.toString('base64url')), key) ?? accepted();
    },
  });
};

function detachedIn(received: Received, options: Parameters<typeof tokenIn>[1]): Jws | Refused {
  const signed = tokenIn(received, options);
  return 'reason' in signed || signed.payload === ''
    ? signed
    : refused(VerificationReason.MALFORMED, 'not a detached JWS');
}

function attached(signed: Jws, payload: string): Jws {
  return { ...signed, signed: signed.signed + payload, payload };
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
    check: (received, { signed, keys }) => {
      const key = keyFor(signed, keys);
      if ('reason' in key) return key;
      const inner = `${signed.timestamp}.${received.body.toString('base64url')}`;
      const whole = attached(signed, Buffer.from(inner).toString('base64url'));
      const wrong = signatureProblem(whole, key);
      if (wrong !== null) return wrong;
      const toleranceMs = settings.toleranceMs ?? FIVE_MINUTES_MS;
      const { receivedAtMs } = received;
      const late =
        toleranceMs === 0 ? null : checkTimestamp(signed.signedAtMs, { receivedAtMs, toleranceMs });
      return late ?? accepted({ replayKey: shortDigest(signed.signature) });
    },
  });
};

function readNeon(received: Received): (Jws & { timestamp: string; signedAtMs: number }) | Refused {
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
