import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type LocalJWKSet } from 'jose';
import type { Received } from '../received.ts';
import { refused, VerificationReason, type Refused, type Settled } from '../verdict.ts';
import type { Keys } from '../verifier.ts';
import type { Jws } from './jws.ts';
import type { TokenKey } from './jwt.ts';
import type { Plugin } from './plugin.ts';

const MOST_KEYS = 100;

type KeySet = { byId: ReadonlyMap<unknown, JWK>; pick: LocalJWKSet };

type Judge<Signed> = {
  url: string;
  /** What the request says about its signature; a refusal where no key could make it right. */
  read: (received: Received) => Signed | Refused;
  check: (received: Received, use: { signed: Signed; key: TokenKey }) => Promise<Settled>;
};

/**
 * Verifies with a key set from the network. What no key could make right is refused at once, and while the key set
 * is at hand the rest asks nobody; only what needs a fetch waits for it.
 */
export function withKeySet<Signed extends Jws>({
  url,
  read,
  check,
}: Judge<Signed>): ReturnType<Plugin> {
  let lately: Keys | undefined;
  return {
    verify: (received) => {
      const signed = read(received);
      if ('reason' in signed) return signed;
      return isKeyKnown(url, { to: lately, signed })
        ? { deferred: true, local: true }
        : { deferred: true };
    },
    settle: async (received, from) => {
      lately = from;
      const signed = read(received);
      if ('reason' in signed) return signed;
      const got = await fetchKey(url, { from, signed });
      return 'reason' in got ? got : check(received, { signed, key: got.key });
    },
  };
}

/** Whether a token can be verified without asking anybody for its key. */
export function isKeyKnown(
  url: string,
  { to, signed }: { to: Keys | undefined; signed: Jws },
): boolean {
  const known = to?.known?.(url);
  const keys = known === undefined ? undefined : readKeySet(known.value);
  return keys !== undefined && !('reason' in keys) && hasKey(keys, signed.keyId);
}

/** The key of a token in the set at a URL, and what the set says about it where the token names its id. */
export async function fetchKey(
  url: string,
  { from, signed }: { from: Keys; signed: Jws },
): Promise<{ key: TokenKey; jwk: JWK | undefined } | Refused> {
  const keys = await fetchKeySet(url, { from, keyId: signed.keyId });
  if ('reason' in keys) return keys;
  return { key: keyOf(signed, keys), jwk: keys.byId.get(signed.keyId) };
}

// A key set is parsed once an hour, and its keys are made once with it.
const made = new WeakMap<object, KeySet | Refused>();

/** Checks that a value is a key set of reasonable size. */
export function readKeySet(value: unknown): KeySet | Refused {
  if (typeof value !== 'object' || value === null) return notAKeySet();
  let keys = made.get(value);
  if (keys === undefined) made.set(value, (keys = makeKeySet(value)));
  return keys;
}

function makeKeySet(value: object): KeySet | Refused {
  const { keys } = value as Partial<JSONWebKeySet>;
  if (!Array.isArray(keys)) return notAKeySet();
  if (keys.length > MOST_KEYS)
    return refused(VerificationReason.KEY_UNAVAILABLE, `a key set of more than ${MOST_KEYS} keys`);
  try {
    const pick = createLocalJWKSet({ keys });
    return { byId: new Map(keys.map((key) => [key.kid, key])), pick };
  } catch {
    return notAKeySet();
  }
}

function notAKeySet(): Refused {
  return refused(VerificationReason.KEY_UNAVAILABLE, 'not a key set');
}

function hasKey({ byId }: KeySet, keyId: string | undefined): boolean {
  return keyId === undefined || byId.has(keyId);
}

// Asks once more where the key is new.
async function fetchKeySet(
  url: string,
  { from, keyId }: { from: Keys; keyId: string | undefined },
): Promise<KeySet | Refused> {
  let last = refused(VerificationReason.KEY_NOT_FOUND, 'no key with the id the signature names');
  for (const fresh of [false, true]) {
    const got = await from.json(url, { fresh });
    if ('reason' in got) return asOutage(got);
    const keys = readKeySet(got.value);
    if (!('reason' in keys) && hasKey(keys, keyId)) return keys;
    if ('reason' in keys) last = keys;
  }
  return last;
}

/** A server without its key set is out of order, and says nothing about a key. */
function asOutage(got: Refused): Refused {
  return got.reason === VerificationReason.KEY_NOT_FOUND
    ? refused(VerificationReason.KEY_UNAVAILABLE, 'the key server has no key set')
    : got;
}

/** The one key of a set that a token can mean; with several, or one that cannot be read, none. */
export function keyOf({ keyId }: Jws, { pick }: KeySet): TokenKey {
  return async (header, token) => {
    try {
      // The id may stand beside the token instead of in it.
      return await pick(keyId === undefined ? header : { ...header, kid: keyId }, token);
    } catch {
      throw new errors.JWKSNoMatchingKey();
    }
  };
}
