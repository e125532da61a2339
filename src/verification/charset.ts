const CHARSET = /;\s*charset\s*=\s*["']?([^"',;\s]+)["']?/i;
export const UTF_8 = 'utf-8';

/** The charset a content type names. */
export function charsetOf(contentType: string | undefined): string | undefined {
  return CHARSET.exec(contentType ?? '')?.[1];
}

/** A content type with another charset. */
export function withCharset(contentType: string, charset: string): string {
  const named = `; charset=${charset}`;
  return CHARSET.test(contentType) ? contentType.replace(CHARSET, named) : contentType + named;
}

/** The name of the encoding that a label stands for; null for one that is not known. */
export function encodingOf(label: string): string | null {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return null;
  }
}

type Table = ReadonlyMap<string, Buffer>;

/** The bytes of each character of an encoding, where they are one or two; worked out when first needed. */
const tables = new Map<string, Table>();

/** Text as bytes of an encoding; what that has no place for as what `otherwise` makes of it, in ASCII. */
export function encodeText(
  text: string,
  { encoding, otherwise }: { encoding: string; otherwise: (character: string) => string },
): Buffer {
  if (encoding === UTF_8) return Buffer.from(text, 'utf8');
  const table = tableOf(encoding);
  const known = (character: string) => table.get(character) ?? Buffer.alloc(0);
  const bytesOf = (character: string) =>
    table.get(character) ?? Buffer.concat(Array.from(otherwise(character), known));
  return Buffer.concat(Array.from(text, bytesOf));
}

/** Whether every character of a text has its place in an encoding. */
export function isEncodable(text: string, encoding: string): boolean {
  if (encoding === UTF_8) return true;
  const table = tableOf(encoding);
  return Array.from(text).every((character) => table.has(character));
}

function tableOf(encoding: string): Table {
  let table = tables.get(encoding);
  if (table === undefined) tables.set(encoding, (table = makeTable(encoding)));
  return table;
}

function makeTable(encoding: string): Table {
  const table = new Map<string, Buffer>();
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  /** Whether the bytes are something by themselves. */
  const add = (...units: number[]): boolean => {
    const bytes = Buffer.from(units);
    const character = decoder.decode(bytes);
    if (character.includes('\uFFFD')) return false;
    if (Array.from(character).length === 1 && !table.has(character)) table.set(character, bytes);
    return true;
  };
  for (let first = 0; first < 256; first++) {
    if (add(first)) continue;
    for (let second = 0; second < 256; second++) add(first, second);
  }
  return table;
}
