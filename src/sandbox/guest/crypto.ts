// The part of node:crypto that signing a webhook needs, over @noble/hashes. `digest` without an
// encoding gives a Uint8Array, for a guest has no Buffer.
import * as keyed from '@noble/hashes/hmac.js';
import * as legacy from '@noble/hashes/legacy.js';
import * as sha2 from '@noble/hashes/sha2.js';
import { fromBytes, toBytes } from './bytes.ts';

type Algorithm = typeof sha2.sha256;
// Functions, because the linker evaluates a package when a member of it is first read.
const ALGORITHMS: Readonly<Record<string, () => unknown>> = {
  md5: () => legacy.md5,
  sha1: () => legacy.sha1,
  sha224: () => sha2.sha224,
  sha256: () => sha2.sha256,
  sha384: () => sha2.sha384,
  sha512: () => sha2.sha512,
};

type Running = { update(bytes: Uint8Array): unknown; digest(): Uint8Array };
type Digester = {
  update(value: unknown, encoding?: unknown): Digester;
  digest(encoding?: unknown): string | Uint8Array;
};

function algorithm(name: unknown): Algorithm {
  const key = String(name).toLowerCase().replace('-', '');
  const found = Object.hasOwn(ALGORITHMS, key) ? ALGORITHMS[key] : undefined;
  if (found === undefined) {
    const known = Object.keys(ALGORITHMS).join(', ');
    throw new TypeError(`There is no digest "${String(name)}"; known: ${known}.`);
  }
  return found() as Algorithm;
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
  return digester(keyed.hmac.create(algorithm(name), toBytes(key)));
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
    const hex = fromBytes(sha2.sha256(toBytes(`${seed}/${drawn++}`)), 'hex') as string;
    const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  };
  Object.assign(globalThis, { crypto: { createHash, createHmac, timingSafeEqual, randomUUID } });
}
