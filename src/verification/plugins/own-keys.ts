import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { isKeyOfPair, publicKeyIn } from '../engine/key.ts';
import { activeSecrets, type Received, type Secret } from '../received.ts';
import { refused, VerificationReason, type Refused, type Settled } from '../verdict.ts';
import type { Jws } from './jws.ts';
import type { Plugin } from './plugin.ts';

export type KeysAt = (received: Received) => KeyObject[];

type Judge = {
  /** What the request says about its signature; a refusal where no key could make it right. */
  read: (received: Received) => Jws | Refused;
  keysAt: KeysAt;
  check: (received: Received, use: { signed: Jws; key: KeyObject }) => Promise<Settled>;
};

/** Verifies with the source's own keys: it takes a while, but asks nobody. */
export function withOwnKeys({ read, keysAt, check }: Judge): ReturnType<Plugin> {
  return {
    verify: (received) => {
      const signed = read(received);
      return 'reason' in signed ? signed : { deferred: true, local: true };
    },
    settle: async (received) => {
      const signed = read(received);
      if ('reason' in signed) return signed;
      let last: Settled = refused(VerificationReason.NO_ACTIVE_SECRET);
      for (const key of keysAt(received)) {
        last = await check(received, { signed, key });
        if (last.verified) return last;
      }
      return last;
    },
  };
}

/** Shared secrets as keys; half of a key pair may be known to others and is none. */
export function secretKeys(secrets: readonly Secret[]): KeysAt {
  return keysBy(secrets, secretKeyIn);
}

/** The public keys among the secrets, beside one that stands apart from them. */
export function publicKeys(secrets: readonly Secret[], pem = ''): KeysAt {
  const own = keysBy(secrets, publicKeyIn);
  if (pem === '') return own;
  const current = createPublicKey(pem);
  return (received) => [current, ...own(received)];
}

/** Public keys and shared secrets: whichever form a public key is in, it is never a secret. */
export function anyKeys(secrets: readonly Secret[]): KeysAt {
  return keysBy(secrets, (value) => publicKeyIn(value) ?? secretKeyIn(value));
}

function secretKeyIn(value: string): KeyObject | null {
  return value === '' || isKeyOfPair(value) ? null : createSecretKey(Buffer.from(value));
}

// Made once for all requests; which of them are valid depends on when a request came.
function keysBy(secrets: readonly Secret[], make: (value: string) => KeyObject | null): KeysAt {
  const keys = new Map(secrets.map(({ value }) => [value, make(value)]));
  return ({ receivedAtMs }) =>
    activeSecrets(secrets, { atMs: receivedAtMs })
      .map(({ value }) => keys.get(value) ?? null)
      .filter((key) => key !== null);
}
