import { createHmac, createPrivateKey, createSecretKey, sign, type KeyObject } from 'node:crypto';
import type { Header } from '../domain/outcome.ts';

/** Base64 of HMAC-SHA256 over the raw body, keyed with the secret's own characters. No replay protection. */
export function bodySignature(secret: string, body: Buffer): string {
  return createHmac('sha256', secret).update(body).digest('base64');
}

export type StandardWebhook = {
  id: string;
  timestampMs: number;
  body: Buffer;
  /** Every secret valid now: each gives a signature, so that a receiver may change over when it likes. */
  secrets: readonly string[];
  /** Ed25519 keys, `whsk_` + base64, for receivers that hold the public key alone. */
  privateKeys?: readonly string[];
};

/** The three headers of Standard Webhooks 1.0: `v1` for each secret, `v1a` for each private key. */
export function standardWebhookHeaders(webhook: StandardWebhook): Header[] {
  const { id, timestampMs, body, secrets, privateKeys = [] } = webhook;
  const timestamp = String(Math.floor(timestampMs / 1000));
  const prefix = `${id}.${timestamp}.`;
  const signatures = secrets.map((secret) => {
    const hmac = createHmac('sha256', secretKey(secret)).update(prefix).update(body);
    return `v1,${hmac.digest('base64')}`;
  });
  if (privateKeys.length > 0) {
    const content = Buffer.concat([Buffer.from(prefix), body]);
    for (const key of privateKeys) {
      signatures.push(`v1a,${sign(null, content, privateKey(key)).toString('base64')}`);
    }
  }
  const headers: Header[] = [
    ['webhook-id', id],
    ['webhook-timestamp', timestamp],
  ];
  if (signatures.length > 0) headers.push(['webhook-signature', signatures.join(' ')]);
  return headers;
}

/** `whsec_` secrets hold base64, as the standard has it; any other secret is its own characters. */
function secretKey(secret: string): KeyObject {
  const prefix = 'whsec_';
  return kept(secretKeys, secret, () =>
    createSecretKey(
      secret.startsWith(prefix)
        ? Buffer.from(secret.slice(prefix.length), 'base64')
        : Buffer.from(secret),
    ),
  );
}

// Reading a key costs more than signing with it, so keys stay read; every destination has its own.
const MAX_KEPT_KEYS = 10_000;
const secretKeys = new Map<string, KeyObject>();
const privateKeys = new Map<string, KeyObject>();
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

function privateKey(text: string): KeyObject {
  return kept(privateKeys, text, () => {
    // 32 bytes of seed, with or without the 32 bytes of the public key behind it.
    const seed = Buffer.from(text.replace(/^whsk_/, ''), 'base64').subarray(0, 32);
    const der = Buffer.concat([PKCS8_ED25519, seed]);
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  });
}

function kept(keys: Map<string, KeyObject>, text: string, read: () => KeyObject): KeyObject {
  const known = keys.get(text);
  if (known !== undefined) return known;
  const key = read();
  if (keys.size >= MAX_KEPT_KEYS) keys.clear();
  keys.set(text, key);
  return key;
}
