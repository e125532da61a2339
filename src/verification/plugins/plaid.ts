import type { Received } from '../received.ts';
import { refused, VerificationReason, type Refused } from '../verdict.ts';
import type { Keys } from '../verifier.ts';
import type { Jws } from './jws.ts';
import {
  acceptedOnce,
  bodyMatches,
  clockOf,
  otherBody,
  tokenIn,
  verifyToken,
  type TokenKey,
} from './jwt.ts';
import { keyOf, readKeySet } from './key-sets.ts';
import { textField, type Plugin, type PluginSettings } from './plugin.ts';

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
    const key = await plaidKey(settings, { from, signed });
    if ('reason' in key) return key;
    const maxAgeMs = settings.toleranceMs ?? FIVE_MINUTES_MS;
    const got = await verifyToken(signed, {
      key,
      ...clockOf(received),
      ...(maxAgeMs !== 0 && { maxTokenAge: maxAgeMs / 1000 }),
    });
    if (!('claims' in got)) return got;
    const claim = got.claims['request_body_sha256'];
    return bodyMatches(received.body, { claim, encoding: 'hex' })
      ? acceptedOnce(signed, got.claims)
      : otherBody();
  },
});

type PlaidJws = Jws & { keyId: string };

function plaidToken(received: Received): PlaidJws | Refused {
  const signed = tokenIn(received, { header: 'plaid-verification', algorithms: ['ES256'] });
  if ('reason' in signed) return signed;
  return signed.keyId === undefined
    ? refused(VerificationReason.MALFORMED, 'the token names no key')
    : { ...signed, keyId: signed.keyId };
}

async function plaidKey(
  settings: PluginSettings,
  { from, signed }: { from: Keys; signed: PlaidJws },
): Promise<TokenKey | Refused> {
  const { keyId } = signed;
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
  if (key === undefined) return refused(VerificationReason.KEY_NOT_FOUND);
  const keys = readKeySet({ keys: [{ ...key, kid: keyId }] });
  return 'reason' in keys ? keys : keyOf(signed, keys);
}
