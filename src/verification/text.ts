import { charsetOf, encodingOf, UTF_8 } from './charset.ts';

// Where XML itself says what it is written in; all that it may be, but for UTF-16, shows this much as ASCII.
const XML_DECLARATION = /^<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.:-]+)["']/;
const HEAD_BYTES = 256;
// The decoder drops a byte order mark, which JSON does not allow.
const utf8 = new TextDecoder();

/** The encoding of a text: the one its content type names, or else its XML declaration; UTF-8 where none is known. */
export function encodingOfText(contentType: string | undefined, head: string): string {
  const label = charsetOf(contentType) ?? XML_DECLARATION.exec(head)?.[1];
  return (label === undefined ? null : encodingOf(label)) ?? UTF_8;
}

/** Reads bytes as text in their own charset. */
export function decodeText(
  bytes: Buffer,
  { contentType }: { contentType: string | undefined },
): string {
  const encoding =
    markedEncoding(bytes) ?? encodingOfText(contentType, bytes.toString('latin1', 0, HEAD_BYTES));
  return (encoding === UTF_8 ? utf8 : new TextDecoder(encoding)).decode(bytes);
}

/** The encoding a byte order mark stands for, which says more than any header. */
function markedEncoding([first, second, third]: Buffer): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return UTF_8;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined;
}
