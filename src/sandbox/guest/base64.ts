// btoa and atob on "binary strings", as the HTML standard describes them.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map(Array.from(ALPHABET, (character, value) => [character, value]));

export function encodeBase64(bytes: ArrayLike<number>): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += ALPHABET.charAt(word >> 18) + ALPHABET.charAt((word >> 12) & 63);
    text += left > 1 ? ALPHABET.charAt((word >> 6) & 63) : '=';
    text += left > 2 ? ALPHABET.charAt(word & 63) : '=';
  }
  return text;
}

/** Strict on everything but white space and missing padding, as browsers are; `undefined` when it is not base64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  let digits = text.replaceAll(/[\t\n\f\r ]/g, '');
  if (digits.length % 4 === 0) digits = digits.replace(/={1,2}$/, '');
  if (digits.length % 4 === 1) return undefined;
  const bytes = new Uint8Array((digits.length * 3) >> 2);
  let word = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    const value = VALUES.get(digit);
    if (value === undefined) return undefined;
    word = ((word << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (word >> bits) & 255;
    }
  }
  return bytes;
}

function btoa(value: unknown): string {
  const text = String(value);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 255)
      throw new TypeError('btoa takes characters up to U+00FF; encode with TextEncoder first.');
    bytes[at] = code;
  }
  return encodeBase64(bytes);
}

function atob(value: unknown): string {
  const bytes = decodeBase64(String(value));
  if (bytes === undefined) throw new TypeError('atob was given text that is not base64.');
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function install(): void {
  Object.assign(globalThis, { btoa, atob });
}
