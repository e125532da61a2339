import { constants, createHash, createHmac, verify, type KeyObject } from 'node:crypto';
import { sameBytes } from './decoders.ts';
import type { Key } from './key.ts';
import type { SignatureAlgorithm } from './scheme.ts';

/** Whether one of the signatures is right for the content; every one is compared, none ends the loop early. */
export function matchingSignature(
  content: readonly Buffer[],
  {
    algorithm,
    key,
    signatures,
  }: { algorithm: SignatureAlgorithm; key: Key; signatures: readonly Buffer[] },
): Buffer | null {
  let match: Buffer | null = null;
  if (key.kind === 'public') {
    const message = Buffer.concat(content);
    for (const signature of signatures) {
      if (verifyPublic(message, { algorithm, key: key.key, signature })) match ??= signature;
    }
    return match;
  }
  const expected = digest(content, { algorithm, handle: key.handle });
  for (const signature of signatures) {
    if (sameBytes(expected, signature)) match = signature;
  }
  return match;
}

function digest(
  content: readonly Buffer[],
  { algorithm, handle }: { algorithm: SignatureAlgorithm; handle: KeyObject },
): Buffer {
  const dash = algorithm.indexOf('-');
  const name = algorithm.slice(dash + 1);
  const hash = algorithm.startsWith('hash-') ? createHash(name) : createHmac(name, handle);
  for (const part of content) hash.update(part);
  return hash.digest();
}

function verifyPublic(
  message: Buffer,
  {
    algorithm,
    key,
    signature,
  }: { algorithm: SignatureAlgorithm; key: KeyObject; signature: Buffer },
): boolean {
  try {
    if (algorithm === 'ed25519') return verify(null, message, key, signature);
    const name = algorithm.slice(algorithm.lastIndexOf('-') + 1);
    const padding = algorithm.startsWith('rsa-pss-') ? constants.RSA_PKCS1_PSS_PADDING : undefined;
    return verify(name, message, padding === undefined ? key : { key, padding }, signature);
  } catch {
    return false;
  }
}
