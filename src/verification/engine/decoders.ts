import { timingSafeEqual } from 'node:crypto';

/** How bytes are written in a header. `base64hex` is base64 of the hexadecimal digits, which one provider sends. */
export type ByteEncoding = 'hex' | 'base64' | 'base64url' | 'base64hex';

const HEX = /^(?:[0-9a-fA-F]{2})+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const BASE64URL = /^[A-Za-z0-9_-]+={0,2}$/;
const LONGEST = 8192;

/**
 * Decodes strictly: null for anything the encoding does not allow. Node's own decoders stop at the first bad
 * digit or skip it, which would let a changed signature pass.
 */
export function decodeStrictly(text: string, encoding: ByteEncoding): Buffer | null {
  if (text.length === 0 || text.length > LONGEST) return null;
  switch (encoding) {
    case 'hex':
      return HEX.test(text) ? Buffer.from(text, 'hex') : null;
    case 'base64':
      return BASE64.test(text) ? canonical(text, 'base64') : null;
    case 'base64url':
      return BASE64URL.test(text) ? canonical(unpadded(text), 'base64url') : null;
    case 'base64hex':
      break;
  }
  const digits = decodeStrictly(text, 'base64');
  return digits === null ? null : decodeStrictly(digits.toString('latin1'), 'hex');
}

// Padding may be left out, but where it stands it must be right.
function unpadded(text: string): string {
  return text.length % 4 === 0 ? text.replace(/=+$/, '') : text;
}

// The last character of a base64 text has bits nobody reads; two texts for the same bytes would be two signatures.
function canonical(text: string, encoding: 'base64' | 'base64url'): Buffer | null {
  const bytes = Buffer.from(text, encoding);
  return bytes.toString(encoding) === text ? bytes : null;
}

/** Compares in constant time; unequal lengths are unequal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
