import { joinUrl, sendable, splitUrl } from './request-target.ts';

/** The URL, or why there is none. */
export type DestinationUrl = { url: string } | { problem: string };

/**
 * The URL an event goes to: the destination's own, with the request's path behind it and the request's query unless the
 * destination has one, both as they came. A path that leads out of the destination's own loses the dots that do so.
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
}): DestinationUrl {
  const parts = splitUrl(base);
  if (parts === null) return { problem: "The destination's URL cannot be read." };
  const behind = path === '' ? '' : pathBehind(path);
  if (behind === null) return { problem: LEADS_OUT };
  const whole = behind === '' ? parts.path : parts.path.replace(/\/$/, '') + behind;
  return {
    url: joinUrl({
      origin: parts.origin,
      path: whole,
      query: parts.query === '' ? sendable(query) : parts.query,
    }),
  };
}

const LEADS_OUT = "The request's path leads out of the destination's own path.";

/** A path as it may stand behind another one; null where no form of it stays there. */
function pathBehind(text: string): string | null {
  const rooted = text.startsWith('/') ? text : `/${text}`;
  // A question mark would begin a query.
  const path = sendable(rooted).replaceAll('?', '%3F');
  if (!leadsOut(path)) return path;
  const resolved = withoutDots(path);
  return leadsOut(resolved) ? null : resolved;
}

// What receivers take for a slash: nothing else, also a backslash, also what is encoded.
const SEPARATORS = [/\//, /[/\\]/, /[/\\]|%2f|%5c/i];

/** Whether a receiver may read this path as one that climbs above where it begins, in whatever way it reads it. */
function leadsOut(path: string): boolean {
  return SEPARATORS.some((separator) => {
    let depth = 0;
    return path.split(separator).some((segment) => {
      // Some receivers pass over what stands behind a semicolon.
      const name = segment.replaceAll(/%2e/gi, '.').split(/;|%3b/i)[0];
      if (name === '..') depth--;
      else if (name !== '' && name !== '.') depth++;
      return depth < 0;
    });
  });
}

/** The path with its dot segments resolved, none of them further than to its beginning. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split(/[/\\]/).slice(1);
  segments.forEach((segment, i) => {
    const name = segment.replaceAll(/%2e/gi, '.');
    const isLast = i === segments.length - 1;
    if (name === '..') kept.pop();
    if (name !== '..' && name !== '.') kept.push(segment);
    else if (isLast) kept.push('');
  });
  return `/${kept.join('/')}`;
}
