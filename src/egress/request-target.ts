/** A URL in two parts: what `URL` makes of its beginning, and the rest as it is written on the wire. */
export type SplitUrl = { origin: string; path: string; query: string };

// Scheme and authority, where they are written out; anything odder is left to URL alone.
const BEGINNING = /^\s*https?:\/\/[^/?#\\\s]+/i;
// All that a request line cannot hold, and the `#` that would end it: everything but visible ASCII.
const UNSENDABLE = /[^\x21\x22\x24-\x7e]+/g;

/**
 * Takes a URL apart without rewriting its path and query: `URL` would encode quotes, turn backslashes round and resolve
 * dots. Null where it cannot be read. The fragment is left out; the path begins with a slash.
 */
export function splitUrl(text: string): SplitUrl | null {
  const url = URL.parse(text);
  if (url === null) return null;
  const beginning = BEGINNING.exec(text)?.[0];
  const rest = beginning === undefined ? null : (text.slice(beginning.length).split('#')[0] ?? '');
  // Line breaks and a leading backslash are what URL mends.
  if (rest === null || /[\t\r\n]|^\\/.test(rest)) {
    return { origin: url.origin, path: url.pathname, query: url.search.slice(1) };
  }
  const mark = rest.trimEnd().indexOf('?');
  const path = mark === -1 ? rest.trimEnd() : rest.slice(0, mark);
  const query = mark === -1 ? '' : rest.trimEnd().slice(mark + 1);
  return { origin: url.origin, path: path === '' ? '/' : sendable(path), query: sendable(query) };
}

/** The other way round. */
export function joinUrl({ origin, path, query }: SplitUrl): string {
  return `${origin}${path}${query === '' ? '' : `?${query}`}`;
}

/**
 * Text as it can stand in a request line. What came in that way stays as it came; what only a transformation can have
 * written (spaces, controls, other characters than ASCII) is percent-encoded as UTF-8. No line break is ever left.
 */
export function sendable(text: string): string {
  return text
    .toWellFormed()
    .replace(UNSENDABLE, (part) => [...Buffer.from(part)].map((byte) => `%${hex(byte)}`).join(''));
}

/** Two digits, as percent-encoding wants them. */
export function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
