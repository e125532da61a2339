// Percent-encoding with the character sets of the URL standard.
import { encodeUtf8 } from './utf8.ts';

const QUERY = ' "#<>';
const PATH = `${QUERY}?^\`{}`;
/** The printable ASCII characters each part of a URL escapes; control and non-ASCII ones always are. */
export const ESCAPED = {
  fragment: ' "<>`',
  query: QUERY,
  specialQuery: `${QUERY}'`,
  path: PATH,
  userinfo: `${PATH}/:;=@[\\]|`,
  none: '',
} as const;

function escapeByte(byte: number): string {
  return `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
}

export function percentEncode(text: string, escaped: string): string {
  let result = '';
  for (const byte of encodeUtf8(text)) {
    const character = String.fromCharCode(byte);
    const plain = byte > 0x1f && byte < 0x7f && !escaped.includes(character);
    result += plain ? character : escapeByte(byte);
  }
  return result;
}

/** The bytes of a text in which `%41` stands for `A`; a `%` that starts no escape stays itself. */
export function percentDecode(text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  let to = 0;
  for (let from = 0; from < bytes.length; from++) {
    const hex =
      bytes[from] === 37 ? String.fromCharCode(bytes[from + 1] ?? 0, bytes[from + 2] ?? 0) : '';
    if (/^[0-9a-f]{2}$/i.test(hex)) {
      bytes[to++] = Number.parseInt(hex, 16);
      from += 2;
    } else bytes[to++] = bytes[from] ?? 0;
  }
  return bytes.subarray(0, to);
}
