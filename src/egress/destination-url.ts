/**
 * The URL an event goes to: the destination's own, with the request's path behind it and the
 * request's query unless the destination has one. Null where the destination's URL cannot be read.
 */
export function destinationUrl({
  url: base,
  path,
  query,
}: {
  url: string;
  /** What stood behind the source in the ingest URL, `/orders/1` or empty. */
  path: string;
  /** Raw, without the question mark. */
  query: string;
}): string | null {
  const url = URL.parse(base);
  if (url === null) return null;
  if (path !== '') url.pathname = url.pathname.replace(/\/$/, '') + resolved(path);
  if (url.search === '' && query !== '') url.search = `?${query}`;
  url.hash = '';
  return url.href;
}

/** Dot segments are taken away before joining, so that a sender cannot climb out of the destination's path. */
function resolved(path: string): string {
  // Bytes beyond ASCII stand for themselves here; URL would take them for characters and encode two each.
  const ascii = path.replace(/[#?\x80-\xff]/g, (c) => `%${byteHex(c)}`);
  const rooted = ascii.startsWith('/') ? ascii : `/${ascii}`;
  return URL.parse(`http://path${rooted}`)?.pathname ?? '/';
}

function byteHex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}
