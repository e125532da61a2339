import type { Received } from '../received.ts';
import { refused, VerificationReason, type Refused } from '../verdict.ts';
import type { Keys } from '../verifier.ts';
import type { Jws } from './jws.ts';
import { acceptedOnce, bodyMatches, verifyToken } from './jwt.ts';
import { keyFor, type KeySet } from './key-sets.ts';
import { textField, type Plugin, type PluginSettings } from './plugin.ts';
import { otherBody, tokenIn } from './tokens.ts';

const FIVE_MINUTES_MS = 300_000;

const PLAID_HOSTS: Readonly<Record<string, string>> = {
  sandbox: 'https://sandbox.plaid.com',
  production: 'https://production.plaid.com',
};

/** Plaid signs an ES256 token that holds the digest of the body; its key comes from the Plaid API by id. */
export const plaid: Plugin = (settings) => ({
  verify: (received) => {
    const signed = plaidToken(received);
    return 'reason' in signed ? signed : { deferred: true };
  },
  settle: async (received, from) => {
    const signed = plaidToken(received);
    if ('reason' in signed) return signed;
    const keys = await plaidKey(settings, { from, keyId: signed.keyId });
    if ('reason' in keys) return keys;
    const key = keyFor(signed, keys);
    if ('reason' in key) return key;
    const { receivedAtMs } = received;
    const maxAgeMs = settings.toleranceMs ?? FIVE_MINUTES_MS;
    const got = verifyToken(signed, {
      key,
      receivedAtMs,
      maxAgeMs: maxAgeMs === 0 ? undefined : maxAgeMs,
    });
    if (!('claims' in got)) return got;
    const claim = got.claims['request_body_sha256'];
    return bodyMatches(received.body, { claim, encoding: 'hex' })
      ? acceptedOnce(signed, got.claims)
      : otherBody();
  },
});

function plaidToken(received: Received): (Jws & { keyId: string }) | Refused {
  const signed = tokenIn(received, { header: 'plaid-verification', algorithms: ['ES256'] });
  if ('reason' in signed) return signed;
  return signed.keyId === undefined
    ? refused(VerificationReason.MALFORMED, 'the token names no key')
    : { ...signed, keyId: signed.keyId };
}

async function plaidKey(
  settings: PluginSettings,
  { from, keyId }: { from: Keys; keyId: string },
): Promise<KeySet | Refused> {
  const host = PLAID_HOSTS[textField(settings, 'environment')] ?? 'https://production.plaid.com';
  const got = await from.json(`${host}/webhook_verification_key/get`, {
    fetch: {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_id: textField(settings, 'client_id'),
        secret: textField(settings, 'client_secret'),
        key_id: keyId,
      }),
    },
  });
  if ('reason' in got) return got;
  const key = (got.value as { key?: object } | null)?.key;
  return key === undefined ? refused(VerificationReason.KEY_NOT_FOUND) : [{ ...key, kid: keyId }];
}
