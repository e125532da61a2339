import type { JWTVerifyOptions } from 'jose';
import { shortDigest } from '../engine/engine.ts';
import { signedBody, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Settled } from '../verdict.ts';
import { PUBLIC_ALGORITHMS, SECRET_ALGORITHMS, signedPart, type Jws } from './jws.ts';
import {
  acceptedOnce,
  bodyMatches,
  clockOf,
  otherBody,
  tokenIn,
  verifyToken,
  type TokenKey,
} from './jwt.ts';
import { withKeySet } from './key-sets.ts';
import { anyKeys, publicKeys, secretKeys, withOwnKeys } from './own-keys.ts';
import { textField, type Plugin, type PluginSettings } from './plugin.ts';

type Use = { signed: Jws; key: TokenKey };

/** A JWT in a header, with a key set, a public key or a shared secret; the source pins the algorithms. */
export const jwt: Plugin = (settings) => {
  const { algorithms, header } = jwtSettings(settings);
  const read = (received: Received) => tokenIn(received, { header, algorithms });
  const check = async (received: Received, { signed, key }: Use): Promise<Settled> => {
    const got = await verifyToken(signed, { key, ...claimRules(settings, received) });
    if (!('claims' in got)) return got;
    // Clients come with one token until it expires: only who asks for it has each taken once.
    if (settings.replayProtection !== true) return accepted();
    // One that says no end is good for ever.
    return { replayUntilMs: Infinity, ...acceptedOnce(signed, got.claims) };
  };
  const url = textField(settings, 'jwks_url');
  if (url !== '') return withKeySet({ url, read, check });
  const pem = textField(settings, 'public_key');
  const { secrets } = settings;
  const keysAt = pem === '' ? secretKeys(secrets) : publicKeys(secrets, pem);
  return withOwnKeys({ read, keysAt, check });
};

function jwtSettings(settings: PluginSettings) {
  const { algorithms: wanted } = settings.auth;
  const named = Array.isArray(wanted) ? wanted.map(String) : ['RS256'];
  const isShared = textField(settings, 'webhook_secret_key') !== '';
  const known: readonly string[] = isShared ? SECRET_ALGORITHMS : PUBLIC_ALGORITHMS;
  return {
    algorithms: named.filter((name) => known.includes(name)),
    header: textField(settings, 'header_key') || 'authorization',
  };
}

function claimRules(settings: PluginSettings, received: Received): JWTVerifyOptions {
  const audience = textField(settings, 'audience');
  const issuer = textField(settings, 'issuer');
  return {
    ...clockOf(received, { leewayMs: settings.toleranceMs }),
    ...(audience !== '' && { audience }),
    ...(issuer !== '' && { issuer }),
  };
}

/** monday.com signs a short-lived HS256 token with the app's signing secret. */
export const monday: Plugin = (settings) =>
  withOwnKeys({
    read: (received) => tokenIn(received, { header: 'authorization', algorithms: ['HS256'] }),
    keysAt: secretKeys(settings.secrets),
    check: async (received, { signed, key }) => {
      const got = await verifyToken(signed, { key, ...claimRules(settings, received) });
      if (!('claims' in got)) return got;
      // Two events of one second may carry the same token: it says nothing about the body.
      const mark = Buffer.concat([Buffer.from(`${signedPart(signed)}.`), received.body]);
      return accepted({ replayKey: shortDigest(mark) });
    },
  });

const GOOGLE_KEYS = 'https://www.googleapis.com/oauth2/v3/certs';
const GOOGLE = ['https://accounts.google.com', 'accounts.google.com'];

/** Google signs every push with an OIDC token that names the audience and the service account. */
export const pubsub: Plugin = (settings) =>
  withKeySet({
    url: GOOGLE_KEYS,
    read: (received) => tokenIn(received, { header: 'authorization', algorithms: ['RS256'] }),
    check: async (received, { signed, key }) => {
      const got = await verifyToken(signed, {
        key,
        ...claimRules(settings, received),
        issuer: GOOGLE,
        requiredClaims: ['exp', 'email'],
      });
      if (!('claims' in got)) return got;
      const { email, email_verified: isVerified } = got.claims;
      const isSender = email === textField(settings, 'service_account_email') && isVerified;
      // The token is reused for an hour and says nothing about the body, so it marks no replay.
      return isSender === true
        ? accepted()
        : refused(VerificationReason.WRONG_CLAIMS, 'claim email');
    },
  });

/** FusionAuth signs a token that holds the digest of the body, with a shared secret or its own key. */
export const fusionauth: Plugin = (settings) => {
  const algorithms = [...PUBLIC_ALGORITHMS, ...SECRET_ALGORITHMS];
  return withOwnKeys({
    read: (received) => tokenIn(received, { header: 'x-fusionauth-signature-jwt', algorithms }),
    keysAt: anyKeys(settings.secrets),
    check: async (received, { signed, key }) => {
      // The kind of the key pins the algorithm, never the token.
      const pinned = key.type === 'secret' ? SECRET_ALGORITHMS : PUBLIC_ALGORITHMS;
      const rules = claimRules(settings, received);
      const got = await verifyToken({ ...signed, algorithms: pinned }, { key, ...rules });
      if (!('claims' in got)) return got;
      const body = signedBody(received, { over: 'decoded' });
      const claim = got.claims['request_body_sha256'];
      return body !== null && bodyMatches(body, { claim, encoding: 'base64' })
        ? acceptedOnce(signed, got.claims)
        : otherBody();
    },
  });
};
