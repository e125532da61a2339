import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { shortDigest } from '../engine/engine.ts';
import { isKeyOfPair, publicKeyIn } from '../engine/key.ts';
import { activeSecrets, signedBody, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused, type Settled } from '../verdict.ts';
import { PUBLIC_ALGORITHMS, readJws, SECRET_ALGORITHMS, type Jws } from './jws.ts';
import { acceptedOnce, bodyMatches, tokenFromHeader, verifyToken } from './jwt.ts';
import { keyFor, withKeySet } from './key-sets.ts';
import { textField, type Plugin, type PluginSettings } from './plugin.ts';

/** The token in a header, taken apart; a refusal where it cannot be right. */
export function tokenIn(
  received: Received,
  { header, algorithms }: { header: string; algorithms: readonly string[] },
): Jws | Refused {
  const token = tokenFromHeader(received, header);
  return typeof token === 'string' ? readJws(token, { algorithms }) : token;
}

/** A JWT in a header, with a key set, a public key or a shared secret; the source pins the algorithms. */
export const jwt: Plugin = (settings) => {
  const { algorithms, header } = jwtSettings(settings);
  const read = (received: Received) => tokenIn(received, { header, algorithms });
  const check = (received: Received, { signed, key }: { signed: Jws; key: KeyObject }): Settled => {
    const got = verifyToken(signed, { key, ...claimRules(settings, received) });
    if (!('claims' in got)) return got;
    // Clients come with one token until it expires: only who asks for it has each taken once.
    if (settings.replayProtection !== true) return accepted();
    // One that says no end is good for ever.
    return { replayUntilMs: Infinity, ...acceptedOnce(signed, got.claims) };
  };
  const url = textField(settings, 'jwks_url');
  if (url !== '') {
    return withKeySet({
      url,
      read,
      check: (received, { signed, keys }) => {
        const key = keyFor(signed, keys);
        return 'reason' in key ? key : check(received, { signed, key });
      },
    });
  }
  const keysAt = localKeys(settings);
  return { verify: (received) => firstAccepted(read(received), { received, keysAt, check }) };
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

function claimRules(settings: PluginSettings, { receivedAtMs }: Received) {
  const issuer = textField(settings, 'issuer');
  return {
    receivedAtMs,
    leewayMs: settings.toleranceMs,
    audience: textField(settings, 'audience') || undefined,
    issuers: issuer === '' ? undefined : [issuer],
  };
}

type KeysAt = (received: Received) => KeyObject[];

function localKeys(settings: PluginSettings): KeysAt {
  const pem = textField(settings, 'public_key');
  if (pem === '') return secretKeys(settings);
  const current = createPublicKey(pem);
  const { secrets } = settings;
  const previous = new Map<string, KeyObject>();
  for (const { value } of secrets) {
    const key = publicKeyIn(value);
    if (key !== null) previous.set(value, key);
  }
  return ({ receivedAtMs }) => [current, ...keysOf(previous, { secrets, receivedAtMs })];
}

/** Shared secrets as keys; half of a key pair may be known to others and is none. */
function secretKeys({ secrets }: PluginSettings): KeysAt {
  const keys = new Map(
    secrets
      .filter(({ value }) => value !== '' && !isKeyOfPair(value))
      .map((secret) => [secret.value, secretKey(secret.value)]),
  );
  return ({ receivedAtMs }) => keysOf(keys, { secrets, receivedAtMs });
}

function keysOf(
  keys: ReadonlyMap<string, KeyObject>,
  { secrets, receivedAtMs }: Pick<PluginSettings, 'secrets'> & { receivedAtMs: number },
): KeyObject[] {
  return activeSecrets(secrets, { atMs: receivedAtMs })
    .map(({ value }) => keys.get(value))
    .filter((key) => key !== undefined);
}

type Check = (received: Received, use: { signed: Jws; key: KeyObject }) => Settled;

function firstAccepted(
  signed: Jws | Refused,
  { received, keysAt, check }: { received: Received; keysAt: KeysAt; check: Check },
): Settled {
  if ('reason' in signed) return signed;
  let last: Settled = refused(VerificationReason.NO_ACTIVE_SECRET);
  for (const key of keysAt(received)) {
    last = check(received, { signed, key });
    if (last.verified) return last;
  }
  return last;
}

/** monday.com signs a short-lived HS256 token with the app's signing secret. */
export const monday: Plugin = (settings) => {
  const keysAt = secretKeys(settings);
  return {
    verify: (received) =>
      firstAccepted(tokenIn(received, { header: 'authorization', algorithms: ['HS256'] }), {
        received,
        keysAt,
        check: (_, { signed, key }) => {
          const got = verifyToken(signed, { key, ...claimRules(settings, received) });
          if (!('claims' in got)) return got;
          // Two events of one second may carry the same token: it says nothing about the body.
          const mark = Buffer.concat([Buffer.from(`${signed.signed}.`), received.body]);
          return accepted({ replayKey: shortDigest(mark) });
        },
      }),
  };
};

const GOOGLE_KEYS = 'https://www.googleapis.com/oauth2/v3/certs';
const GOOGLE = ['https://accounts.google.com', 'accounts.google.com'];

/** Google signs every push with an OIDC token that names the audience and the service account. */
export const pubsub: Plugin = (settings) =>
  withKeySet({
    url: GOOGLE_KEYS,
    read: (received) => tokenIn(received, { header: 'authorization', algorithms: ['RS256'] }),
    check: (received, { signed, keys }) => {
      const key = keyFor(signed, keys);
      if ('reason' in key) return key;
      const got = verifyToken(signed, {
        key,
        ...claimRules(settings, received),
        issuers: GOOGLE,
        required: ['exp', 'email'],
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
  const keys = new Map<string, KeyObject>();
  for (const { value } of settings.secrets) {
    // Whichever form a public key is in, it is never a secret.
    const key = publicKeyIn(value) ?? (isKeyOfPair(value) ? null : secretKey(value));
    if (key !== null) keys.set(value, key);
  }
  const algorithms = [...PUBLIC_ALGORITHMS, ...SECRET_ALGORITHMS];
  return {
    verify: (received) =>
      firstAccepted(tokenIn(received, { header: 'x-fusionauth-signature-jwt', algorithms }), {
        received,
        keysAt: ({ receivedAtMs }) => keysOf(keys, { secrets: settings.secrets, receivedAtMs }),
        check: (_, { signed, key }) => {
          const got = verifyToken(signed, { key, ...claimRules(settings, received) });
          if (!('claims' in got)) return got;
          const body = signedBody(received, { over: 'decoded' });
          const claim = got.claims['request_body_sha256'];
          return body !== null && bodyMatches(body, { claim, encoding: 'base64' })
            ? acceptedOnce(signed, got.claims)
            : otherBody();
        },
      }),
  };
};

export function otherBody(): Refused {
  return refused(
    VerificationReason.WRONG_SECRET_OR_BODY,
    'the token is good but was made for another body',
  );
}

function secretKey(value: string): KeyObject {
  return createSecretKey(Buffer.from(value));
}
