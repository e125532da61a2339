// UTF-8 both ways, with the replacement rules of the Encoding standard.

export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (const character of text) {
    let code = character.codePointAt(0) ?? 0;
    // A lone surrogate has no UTF-8 form.
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) bytes[at++] = code;
    else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
      bytes[at++] = 0x80 | (code & 63);
    } else if (code < 0x10000) {
      bytes[at++] = 0xe0 | (code >> 12);
      bytes[at++] = 0x80 | ((code >> 6) & 63);
      bytes[at++] = 0x80 | (code & 63);
    } else {
      bytes[at++] = 0xf0 | (code >> 18);
      bytes[at++] = 0x80 | ((code >> 12) & 63);
      bytes[at++] = 0x80 | ((code >> 6) & 63);
      bytes[at++] = 0x80 | (code & 63);
    }
  }
  return bytes.slice(0, at);
}

type Lead = { readonly needed: number; readonly lower: number; readonly upper: number };

// The second byte's range says what a plain shape test would let through: overlong forms,
// surrogates, and code points beyond U+10FFFF.
function leadOf(byte: number): Lead | undefined {
  if (byte >= 0xc2 && byte <= 0xdf) return { needed: 1, lower: 0x80, upper: 0xbf };
  if (byte >= 0xe0 && byte <= 0xef) {
    return { needed: 2, lower: byte === 0xe0 ? 0xa0 : 0x80, upper: byte === 0xed ? 0x9f : 0xbf };
  }
  if (byte >= 0xf0 && byte <= 0xf4) {
    return { needed: 3, lower: byte === 0xf0 ? 0x90 : 0x80, upper: byte === 0xf4 ? 0x8f : 0xbf };
  }
  return undefined;
}

/** Decodes bytes; what is not UTF-8 becomes U+FFFD, or throws a TypeError when `fatal`. */
export function decodeUtf8(bytes: Uint8Array, { fatal }: { fatal: boolean }): string {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at++] ?? 0;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    const lead = leadOf(first);
    const needed = lead?.needed ?? 0;
    let code = lead === undefined ? -1 : first & (0x3f >> needed);
    for (let index = 0; index < needed; index++) {
      const next = bytes[at] ?? 0;
      const [lower, upper] =
        index === 0 && lead !== undefined ? [lead.lower, lead.upper] : [0x80, 0xbf];
      if (next < lower || next > upper) {
        code = -1;
        break;
      }
      code = (code << 6) | (next & 63);
      at++;
    }
    if (code < 0 && fatal) throw new TypeError('The bytes are not valid UTF-8.');
    text += code < 0 ? '\uFFFD' : String.fromCodePoint(code);
  }
  return text;
}
