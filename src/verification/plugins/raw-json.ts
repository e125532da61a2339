const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENERS = new Set([0x7b, 0x5b]);
const CLOSERS = new Set([0x7d, 0x5d]);
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * The bytes of a top-level member's value exactly as they stand in a JSON text; null where the member is absent or
 * stands twice. For providers that sign a part of the body without saying how they serialise it.
 */
export function rawMember(json: Buffer, name: string): Buffer | null {
  let depth = 0;
  let found: Buffer | null = null;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === undefined) break;
    if (OPENERS.has(byte)) depth++;
    else if (CLOSERS.has(byte)) depth--;
    else if (byte === QUOTE) {
      const end = endOfString(json, at);
      const colon = skipSpaces(json, end);
      const isMember =
        depth === 1 &&
        json[colon] === 0x3a &&
        json.subarray(at + 1, end - 1).equals(Buffer.from(name));
      if (isMember) {
        if (found !== null) return null;
        const start = skipSpaces(json, colon + 1);
        found = json.subarray(start, endOfValue(json, start));
      }
      at = end - 1;
    }
  }
  return found;
}

function skipSpaces(json: Buffer, from: number): number {
  let at = from;
  while (SPACES.has(json[at] ?? 0)) at++;
  return at;
}

function endOfString(json: Buffer, quote: number): number {
  for (let at = quote + 1; at < json.length; at++) {
    if (json[at] === BACKSLASH) at++;
    else if (json[at] === QUOTE) return at + 1;
  }
  return json.length;
}

function endOfValue(json: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < json.length; at++) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) at = endOfString(json, at) - 1;
    else if (OPENERS.has(byte)) depth++;
    else if (CLOSERS.has(byte) && --depth < 0) return trimEnd(json, { start, end: at });
    else if (byte === 0x2c && depth === 0) return trimEnd(json, { start, end: at });
  }
  return json.length;
}

function trimEnd(json: Buffer, { start, end }: { start: number; end: number }): number {
  let at = end;
  while (at > start && SPACES.has(json[at - 1] ?? 0)) at--;
  return at;
}
