import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Received } from '../received.ts';
import { refused, VerificationReason, type Refused, type Settled } from '../verdict.ts';
import type { Keys } from '../verifier.ts';
import { fitsAlgorithm, type Jws } from './jws.ts';
import type { Plugin } from './plugin.ts';

const MOST_KEYS = 100;

type JsonKey = JsonWebKey & { kid?: unknown; alg?: unknown; use?: unknown; key_ops?: unknown };
export type KeySet = readonly JsonKey[];

type Judge<Signed> = {
  url: string;
  /** What the request says about its signature; a refusal where no key could make it right. */
  read: (received: Received) => Signed | Refused;
  check: (received: Received, use: { signed: Signed; keys: KeySet }) => Settled;
};

/**
 * Verifies with a key set from the network. What no key could make right is refused at once, and so is everything
 * else while the key set is at hand; only what needs a fetch waits for it.
 */
export function withKeySet<Signed extends { keyId: string | undefined }>({
  url,
  read,
  check,
}: Judge<Signed>): ReturnType<Plugin> {
  let lately: Keys | undefined;
  return {
    verify: (received) => {
      const signed = read(received);
      if ('reason' in signed) return signed;
      const known = lately?.known?.(url);
      const keys = known === undefined ? undefined : readKeySet(known.value);
      return keys === undefined || 'reason' in keys || !hasKey(keys, signed.keyId)
        ? { deferred: true }
        : check(received, { signed, keys });
    },
    settle: async (received, from) => {
      lately = from;
      const signed = read(received);
      if ('reason' in signed) return signed;
      const keys = await fetchKeySet(url, { from, keyId: signed.keyId });
      return 'reason' in keys ? keys : check(received, { signed, keys });
    },
  };
}

/** Checks that a value is a key set of reasonable size. */
function readKeySet(value: unknown): KeySet | Refused {
  const keys =
    typeof value === 'object' && value !== null ? (value as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(keys)) return refused(VerificationReason.KEY_UNAVAILABLE, 'not a key set');
  if (keys.length > MOST_KEYS)
    return refused(VerificationReason.KEY_UNAVAILABLE, `a key set of more than ${MOST_KEYS} keys`);
  return keys.filter((key): key is JsonKey => typeof key === 'object' && key !== null);
}

function hasKey(keys: KeySet, keyId: string | undefined): boolean {
  return keyId === undefined || keys.some(({ kid }) => kid === keyId);
}

// Asks once more where the key is new.
async function fetchKeySet(
  url: string,
  { from, keyId }: { from: Keys; keyId: string | undefined },
): Promise<KeySet | Refused> {
  for (const fresh of [false, true]) {
    const got = await from.json(url, { fresh });
    if ('reason' in got) return got;
    const keys = readKeySet(got.value);
    if ('reason' in keys || hasKey(keys, keyId)) return keys;
  }
  return refused(VerificationReason.KEY_NOT_FOUND, 'no key with the id the signature names');
}

/** The one key of a set that a token can mean; with several, nobody could say which was meant. */
export function keyFor({ algorithm, keyId }: Jws, keys: KeySet): KeyObject | Refused {
  const fitting = keys
    .filter(
      ({ kid, alg, use, key_ops: uses }) =>
        (keyId === undefined || kid === keyId) &&
        (alg === undefined || alg === algorithm) &&
        (use === undefined || use === 'sig') &&
        (uses === undefined || (Array.isArray(uses) && uses.includes('verify'))),
    )
    .map(publicKeyOf)
    .filter((key) => key !== null && fitsAlgorithm(key, algorithm));
  const [only] = fitting;
  return only && fitting.length === 1 ? only : refused(VerificationReason.KEY_NOT_FOUND);
}

// A key set is parsed once an hour, and its keys are made once with it.
const made = new WeakMap<JsonKey, KeyObject | null>();

function publicKeyOf(key: JsonKey): KeyObject | null {
  let object = made.get(key);
  if (object === undefined) made.set(key, (object = makeKey(key)));
  return object;
}

function makeKey(key: JsonKey): KeyObject | null {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    return null;
  }
}
