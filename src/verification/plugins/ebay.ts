import { createPublicKey, verify } from 'node:crypto';
import { smallJson } from '../body/json.ts';
import { decodeStrictly } from '../engine/decoders.ts';
import { headerValues, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import type { Keys } from '../verifier.ts';
import { textField, type Plugin, type PluginSettings } from './plugin.ts';

const HOSTS: Readonly<Record<string, string>> = {
  PRODUCTION: 'api.ebay.com',
  SANDBOX: 'api.sandbox.ebay.com',
};
const SCOPE = 'https://api.ebay.com/oauth/api_scope';
// eBay's application tokens live for two hours.
const KEEP_TOKEN_FOR_MS = 5_400_000;

/** eBay signs the body with an ECDSA key, which its API hands out by id to who has an application token. */
export const ebay: Plugin = (settings) => ({
  verify: (received) => {
    const signature = readSignature(received);
    return 'reason' in signature ? signature : { deferred: true };
  },
  settle: async (received, keys) => {
    const signature = readSignature(received);
    if ('reason' in signature) return signature;
    const got = await fetchKey(settings, { keys, keyId: signature.keyId });
    if ('reason' in got) return got;
    return verify('sha1', received.body, got.pem, signature.bytes)
      ? accepted()
      : refused(VerificationReason.WRONG_SECRET_OR_BODY);
  },
});

// The header is base64 of {"alg":"ecdsa","kid":"…","signature":"…","digest":"SHA1"}.
function readSignature(received: Received): { keyId: string; bytes: Buffer } | Refused {
  const values = headerValues(received, { name: 'x-ebay-signature' });
  if (values.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
  if (values[0] === undefined)
    return refused(VerificationReason.MISSING_SIGNATURE, 'no header x-ebay-signature');
  const decoded = decodeStrictly(values[0], 'base64');
  const parsed = decoded === null ? undefined : smallJson(decoded);
  const { kid, signature } = (
    typeof parsed === 'object' && parsed !== null ? parsed : {}
  ) as Record<string, unknown>;
  const bytes = typeof signature === 'string' ? decodeStrictly(signature, 'base64') : null;
  return bytes === null || typeof kid !== 'string' || !/^[\w-]{1,128}$/.test(kid)
    ? refused(VerificationReason.MALFORMED, 'x-ebay-signature cannot be read')
    : { keyId: kid, bytes };
}

async function fetchKey(
  settings: PluginSettings,
  { keys, keyId }: { keys: Keys; keyId: string },
): Promise<{ pem: string } | Refused> {
  const host = HOSTS[textField(settings, 'environment')] ?? 'api.ebay.com';
  const credentials = `${textField(settings, 'client_id')}:${textField(settings, 'client_secret')}`;
  const token = await keys.json(`https://${host}/identity/v1/oauth2/token`, {
    keepForMs: KEEP_TOKEN_FOR_MS,
    fetch: {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: `grant_type=client_credentials&scope=${encodeURIComponent(SCOPE)}`,
    },
  });
  if ('reason' in token) return token;
  const bearer = (token.value as { access_token?: unknown } | null)?.access_token;
  const got = await keys.json(`https://${host}/commerce/notification/v1/public_key/${keyId}`, {
    fetch: { headers: { authorization: `Bearer ${String(bearer)}` } },
  });
  if ('reason' in got) return got;
  return readPem((got.value as { key?: unknown } | null)?.key);
}

// eBay writes its PEM on one line.
function readPem(key: unknown): { pem: string } | Refused {
  const inner = String(key)
    .replace(/-----(?:BEGIN|END) PUBLIC KEY-----/g, '')
    .replace(/\s+/g, '');
  const pem = `-----BEGIN PUBLIC KEY-----\n${inner}\n-----END PUBLIC KEY-----\n`;
  try {
    return createPublicKey(pem).asymmetricKeyType === 'ec'
      ? { pem }
      : refused(VerificationReason.WRONG_ALGORITHM);
  } catch {
    return refused(VerificationReason.KEY_UNAVAILABLE, 'the key document has no public key');
  }
}
