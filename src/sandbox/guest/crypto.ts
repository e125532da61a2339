// The part of node:crypto that signing a webhook needs, over @noble/hashes. `digest` without an
// encoding gives a Uint8Array, for a guest has no Buffer.
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { fromBytes, toBytes } from './bytes.ts';

const ALGORITHMS = { md5, sha1, sha224, sha256, sha384, sha512 };

type Running = { update(bytes: Uint8Array): unknown; digest(): Uint8Array };
type Digester = {
  update(value: unknown, encoding?: unknown): Digester;
  digest(encoding?: unknown): string | Uint8Array;
};

function algorithm(name: unknown): (typeof ALGORITHMS)['sha256'] {
  const key = String(name).toLowerCase().replace('-', '');
  const found = Object.hasOwn(ALGORITHMS, key)
    ? ALGORITHMS[key as keyof typeof ALGORITHMS]
    : undefined;
  if (found === undefined) {
    throw new TypeError(
      `There is no digest "${String(name)}"; known: ${Object.keys(ALGORITHMS).join(', ')}.`,
    );
  }
  return found as (typeof ALGORITHMS)['sha256'];
}

function digester(running: Running): Digester {
  const self: Digester = {
    update(value, encoding) {
      running.update(toBytes(value, encoding));
      return self;
    },
    digest: (encoding) => fromBytes(running.digest(), encoding),
  };
  return self;
}

function createHash(name: unknown): Digester {
  return digester(algorithm(name).create());
}

function createHmac(name: unknown, key: unknown): Digester {
  return digester(hmac.create(algorithm(name), toBytes(key)));
}

function timingSafeEqual(left: unknown, right: unknown): boolean {
  const a = toBytes(left);
  const b = toBytes(right);
  if (a.length !== b.length)
    throw new RangeError('timingSafeEqual needs two values of the same length.');
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0);
  return difference === 0;
}

/** Puts `crypto` on the global; `seed` is fresh randomness of the child, as hex. */
export function install(seed: string): void {
  let drawn = 0;
  // Counter mode over a secret seed: each UUID is independent for whoever does not know the seed.
  const randomUUID = (): string => {
    const hex = fromBytes(sha256(toBytes(`${seed}/${drawn++}`)), 'hex') as string;
    const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  };
  Object.assign(globalThis, { crypto: { createHash, createHmac, timingSafeEqual, randomUUID } });
}
