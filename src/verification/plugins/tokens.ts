import { createPublicKey, type KeyObject } from 'node:crypto';
import { signedBody, activeSecrets, type Received } from '../received.ts';
import { refused, VerificationReason, type Refused } from '../verdict.ts';
import {
  acceptedToken,
  bodyMatches,
  fetchKeySet,
  keyIdOf,
  PUBLIC_ALGORITHMS,
  SECRET_ALGORITHMS,
  tokenFromHeader,
  verifyToken,
  type TokenKey,
} from './jwt.ts';
import { textField, type Plugin, type PluginSettings } from './plugin.ts';
import type { Keys } from '../verifier.ts';

const DEFERRED = () => ({ deferred: true }) as const;
const FIVE_MINUTES = 300;

/** A JWT in a header, with a key set, a public key or a shared secret; the source pins the algorithms. */
export const jwt: Plugin = (settings) => ({
  verify: DEFERRED,
  settle: async (received, keys) => {
    const token = tokenFromHeader(received, textField(settings, 'header_key') || 'authorization');
    if (typeof token !== 'string') return token;
    const found = await configuredKeys(settings, { received, keys, token });
    if (!Array.isArray(found)) return found;
    return firstAccepted(token, {
      found,
      received,
      audience: textField(settings, 'audience'),
      issuer: textField(settings, 'issuer'),
    });
  },
});

type Candidate = { key: TokenKey; algorithms: string[] };

async function configuredKeys(
  settings: PluginSettings,
  { received, keys, token }: { received: Received; keys: Keys; token: string },
): Promise<Candidate[] | Refused> {
  const wanted = Array.isArray(settings.auth['algorithms'])
    ? settings.auth['algorithms'].map(String)
    : ['RS256'];
  const isPublic = wanted.filter((name) => PUBLIC_ALGORITHMS.some((known) => known === name));
  const url = textField(settings, 'jwks_url');
  if (url !== '') {
    const set = await fetchKeySet(url, { keys, keyId: keyIdOf(token) });
    return 'reason' in set ? set : [{ key: set, algorithms: isPublic }];
  }
  const pem = textField(settings, 'public_key');
  if (pem !== '') return [{ key: createPublicKey(pem), algorithms: isPublic }];
  return secretCandidates(settings, { received, wanted });
}

function secretCandidates(
  settings: PluginSettings,
  { received, wanted }: { received: Received; wanted: string[] },
): Candidate[] {
  const algorithms = wanted.filter((name) => SECRET_ALGORITHMS.some((known) => known === name));
  return activeSecrets(settings.secrets, { atMs: received.receivedAtMs }).map(({ value }) => ({
    key: Buffer.from(value),
    algorithms,
  }));
}

async function firstAccepted(
  token: string,
  {
    found,
    received,
    audience,
    issuer,
  }: { found: Candidate[]; received: Received; audience?: string; issuer?: string },
) {
  let last: Refused = refused(VerificationReason.NO_ACTIVE_SECRET);
  for (const { key, algorithms } of found) {
    const got = await verifyToken(token, {
      key,
      algorithms,
      receivedAtMs: received.receivedAtMs,
      ...(audience ? { audience } : {}),
      ...(issuer ? { issuer } : {}),
    });
    if ('claims' in got) return acceptedToken(token, got.claims);
    last = got;
  }
  return last;
}

/** monday.com signs a short-lived HS256 token with the app's signing secret. */
export const monday: Plugin = (settings) => ({
  verify: DEFERRED,
  settle: async (received) => {
    const token = tokenFromHeader(received, 'authorization');
    if (typeof token !== 'string') return token;
    return firstAccepted(token, {
      found: secretCandidates(settings, { received, wanted: ['HS256'] }),
      received,
    });
  },
});

/** Google signs every push with an OIDC token that names the audience and the service account. */
export const pubsub: Plugin = (settings) => ({
  verify: DEFERRED,
  settle: async (received, keys) => {
    const token = tokenFromHeader(received, 'authorization');
    if (typeof token !== 'string') return token;
    const key = await fetchKeySet('https://www.googleapis.com/oauth2/v3/certs', {
      keys,
      keyId: keyIdOf(token),
    });
    if ('reason' in key) return key;
    const got = await verifyToken(token, {
      key,
      algorithms: ['RS256'],
      receivedAtMs: received.receivedAtMs,
      audience: textField(settings, 'audience'),
      issuer: ['https://accounts.google.com', 'accounts.google.com'],
      requiredClaims: ['exp', 'email'],
    });
    if (!('claims' in got)) return got;
    const { claims } = got;
    const isSender =
      claims['email'] === textField(settings, 'service_account_email') &&
      claims['email_verified'] === true;
    // The token is reused for an hour and says nothing about the body, so it marks no replay.
    return isSender ? { verified: true } : refused(VerificationReason.WRONG_CLAIMS, 'claim email');
  },
});

const PLAID_HOSTS: Readonly<Record<string, string>> = {
  sandbox: 'https://sandbox.plaid.com',
  production: 'https://production.plaid.com',
};

/** Plaid signs an ES256 token that holds the digest of the body; its key comes from the Plaid API by id. */
export const plaid: Plugin = (settings) => ({
  verify: DEFERRED,
  settle: async (received, keys) => {
    const token = tokenFromHeader(received, 'plaid-verification');
    if (typeof token !== 'string') return token;
    const key = await plaidKey(settings, { keys, keyId: keyIdOf(token) });
    if ('reason' in key) return key;
    const got = await verifyToken(token, {
      key,
      algorithms: ['ES256'],
      receivedAtMs: received.receivedAtMs,
      maxTokenAge: FIVE_MINUTES,
    });
    if (!('claims' in got)) return got;
    return bodyMatches(received.body, { claim: got.claims['request_body_sha256'], encoding: 'hex' })
      ? acceptedToken(token, got.claims)
      : refused(
          VerificationReason.WRONG_SECRET_OR_BODY,
          'the token is good but was made for another body',
        );
  },
});

async function plaidKey(
  settings: PluginSettings,
  { keys, keyId }: { keys: Keys; keyId: string | undefined },
) {
  if (keyId === undefined) return refused(VerificationReason.MALFORMED, 'the token names no key');
  const host = PLAID_HOSTS[textField(settings, 'environment')] ?? 'https://production.plaid.com';
  const got = await keys.json(`${host}/webhook_verification_key/get`, {
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
  const key = (got.value as { key?: { expired_at?: unknown } } | null)?.key;
  if (key === undefined) return refused(VerificationReason.KEY_NOT_FOUND);
  return { keys: [{ ...key, kid: keyId } as { kty: string; kid: string }] };
}

/** FusionAuth signs a token that holds the digest of the body, with a shared secret or its own key. */
export const fusionauth: Plugin = (settings) => ({
  verify: DEFERRED,
  settle: async (received) => {
    const token = tokenFromHeader(received, 'x-fusionauth-signature-jwt');
    if (typeof token !== 'string') return token;
    const body = signedBody(received, { over: 'decoded' });
    let last: Refused = refused(VerificationReason.NO_ACTIVE_SECRET);
    for (const candidate of secretOrPem(settings, received)) {
      const got = await verifyToken(token, { ...candidate, receivedAtMs: received.receivedAtMs });
      if (!('claims' in got)) last = got;
      else if (
        body !== null &&
        bodyMatches(body, { claim: got.claims['request_body_sha256'], encoding: 'base64' })
      ) {
        return acceptedToken(token, got.claims);
      } else
        last = refused(
          VerificationReason.WRONG_SECRET_OR_BODY,
          'the token is good but was made for another body',
        );
    }
    return last;
  },
});

function secretOrPem(settings: PluginSettings, received: Received): Candidate[] {
  return activeSecrets(settings.secrets, { atMs: received.receivedAtMs }).map(({ value }) =>
    value.startsWith('-----BEGIN')
      ? { key: publicKeyOf(value), algorithms: [...PUBLIC_ALGORITHMS] }
      : { key: Buffer.from(value), algorithms: [...SECRET_ALGORITHMS] },
  );
}

function publicKeyOf(pem: string): KeyObject {
  return createPublicKey(pem);
}
