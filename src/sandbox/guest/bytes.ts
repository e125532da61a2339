// Strings to bytes and back, with the encoding names Node uses.
import { decodeBase64, encodeBase64 } from './base64.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text))
    throw new TypeError('This is not hex text.');
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = Number.parseInt(text.slice(at * 2, at * 2 + 2), 16);
  }
  return bytes;
}

function fromBase64(text: string): Uint8Array {
  const bytes = decodeBase64(text.replaceAll('-', '+').replaceAll('_', '/'));
  if (bytes === undefined) throw new TypeError('This is not base64 text.');
  return bytes;
}

/** Bytes of a string in an encoding, or of anything that holds bytes. */
export function toBytes(value: unknown, encoding: unknown = 'utf8'): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (typeof value !== 'string') throw new TypeError('A string or bytes are needed here.');
  switch (encoding) {
    case 'utf8':
    case 'utf-8':
      return encodeUtf8(value);
    case 'hex':
      return fromHex(value);
    case 'base64':
    case 'base64url':
      return fromBase64(value);
    case 'latin1':
    case 'binary':
      return Uint8Array.from(value, (character) => character.charCodeAt(0));
    default:
      throw new TypeError(`There is no encoding "${String(encoding)}".`);
  }
}

/** Bytes as text; without an encoding, the bytes themselves. */
export function fromBytes(bytes: Uint8Array, encoding?: unknown): string | Uint8Array {
  switch (encoding) {
    case undefined:
      return bytes;
    case 'utf8':
    case 'utf-8':
      return decodeUtf8(bytes, { fatal: false });
    case 'hex': {
      let text = '';
      for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
      return text;
    }
    case 'base64':
      return encodeBase64(bytes);
    case 'base64url':
      return encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    case 'latin1':
    case 'binary': {
      let text = '';
      for (const byte of bytes) text += String.fromCharCode(byte);
      return text;
    }
    default:
      throw new TypeError(`There is no encoding "${String(encoding)}".`);
  }
}
