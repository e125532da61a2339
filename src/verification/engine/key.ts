import {
  createPublicKey,
  createSecretKey,
  type JsonWebKey,
  type KeyObject,
  X509Certificate,
} from 'node:crypto';
import { decodeStrictly } from './decoders.ts';
import type { KeyEncoding, SignatureAlgorithm } from './scheme.ts';

const SMALLEST_RSA_BITS = 1024;
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export type Key =
  { kind: 'secret'; bytes: Buffer; handle: KeyObject } | { kind: 'public'; key: KeyObject };

/** Turns the text a person pasted into a key, or says in words why it is none. */
export function readKey(
  value: string,
  { encoding, algorithm }: { encoding: KeyEncoding; algorithm: SignatureAlgorithm },
): Key | { problem: string } {
  if (value === '' || isBarePrefix(value))
    return { problem: 'must not be empty: anyone could sign with an empty key' };
  switch (encoding) {
    case 'utf8':
      return secret(Buffer.from(value));
    case 'hex':
      return secret(decodeStrictly(value, 'hex')) ?? { problem: 'must be hexadecimal digits' };
    case 'base64':
      return secret(decodeStrictly(value, 'base64')) ?? { problem: 'must be base64' };
    case 'whsec':
      return readWhsec(value);
    case 'public':
      break;
  }
  return readPublicKey(value, algorithm);
}

/** Whether a secret is nothing but the prefix it is shown with: what follows decodes to no bytes. */
export function isBarePrefix(value: string): boolean {
  const rest = /^\s*wh(?:sec|pk)_(.*)$/s.exec(value)?.[1];
  return rest !== undefined && Buffer.from(rest, 'base64').length === 0;
}

/** The public key a text holds, in whichever form one is pasted: PEM, a certificate, DER as base64 or hex, a JWK. */
export function publicKeyIn(text: string): KeyObject | null {
  const value = text.replaceAll('\\n', '\n').trim();
  if (value.includes('PRIVATE KEY-----')) return null;
  if (value.includes('-----BEGIN')) return attempt(() => createPublicKey(value));
  if (value.startsWith('{'))
    return attempt(() => createPublicKey({ key: JSON.parse(value) as JsonWebKey, format: 'jwk' }));
  const compact = value.replace(/\s+/g, '');
  const der = decodeStrictly(compact, 'hex') ?? Buffer.from(compact, 'base64');
  return (
    attempt(() => createPublicKey({ key: der, format: 'der', type: 'spki' })) ??
    attempt(() => createPublicKey({ key: der, format: 'der', type: 'pkcs1' })) ??
    attempt(() => new X509Certificate(der).publicKey)
  );
}

/** Whether a text is half of a key pair. Others may know it, so it never serves as a shared secret. */
export function isKeyOfPair(text: string): boolean {
  return text.includes('-----BEGIN') || publicKeyIn(text) !== null;
}

function attempt(make: () => KeyObject): KeyObject | null {
  try {
    return make();
  } catch {
    return null;
  }
}

function secret(bytes: Buffer): Key;
function secret(bytes: Buffer | null): Key | null;
function secret(bytes: Buffer | null): Key | null {
  if (bytes === null || bytes.length === 0) return null;
  // A MAC with a handle costs a fifth of one with bytes, from which Node makes a handle every time.
  return { kind: 'secret', bytes, handle: createSecretKey(bytes) };
}

function readWhsec(value: string): Key | { problem: string } {
  const encoded = value.startsWith('whsec_') ? value.slice(6) : value;
  return (
    secret(decodeStrictly(encoded, 'base64')) ?? { problem: 'must be whsec_ followed by base64' }
  );
}

function readPublicKey(value: string, algorithm: SignatureAlgorithm): Key | { problem: string } {
  const key = parsePublicKey(value.trim(), algorithm);
  if (key === null) return { problem: 'must be a public key: PEM, base64 of its DER form, or raw' };
  const problem = wrongKind(key, algorithm);
  return problem === undefined ? { kind: 'public', key } : { problem };
}

function parsePublicKey(value: string, algorithm: SignatureAlgorithm): KeyObject | null {
  try {
    if (value.startsWith('-----BEGIN')) {
      // createPublicKey derives the public half of a private key too; nobody should store one here.
      return value.includes('PRIVATE') ? null : createPublicKey(value.replaceAll('\\n', '\n'));
    }
    const compact = value.replace(/\s+/g, '');
    const bytes = decodeStrictly(compact, 'hex') ?? decodeStrictly(compact, 'base64');
    if (bytes === null) return null;
    const der =
      algorithm === 'ed25519' && bytes.length === 32 ? Buffer.concat([ED25519_SPKI, bytes]) : bytes;
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** A key of another kind than the algorithm's is refused: the algorithm is pinned by the source, never by the key. */
function wrongKind(key: KeyObject, algorithm: SignatureAlgorithm): string | undefined {
  const kind = key.asymmetricKeyType;
  if (algorithm === 'ed25519') return kind === 'ed25519' ? undefined : 'must be an Ed25519 key';
  if (algorithm === 'ecdsa-sha256') {
    return kind === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
      ? undefined
      : 'must be a P-256 key';
  }
  if (kind !== 'rsa') return 'must be an RSA key';
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < SMALLEST_RSA_BITS
    ? `must be an RSA key of ${SMALLEST_RSA_BITS} bits or more`
    : undefined;
}
