/** The deepest JSON that is parsed; what walks a value later may recurse. */
export const DEEPEST_JSON = 256;

/** The most values (objects, lists, texts, numbers) a JSON may hold: each takes memory, however short it is written. */
export const MOST_JSON_VALUES = 1_000_000;

export type JsonProblem = 'TOO_DEEP' | 'TOO_MANY_VALUES';

/** Why a text is not parsed as JSON, found out without parsing it; null where nothing keeps it from being tried. */
export function jsonProblem(
  text: string,
  { deepest = DEEPEST_JSON }: { deepest?: number } = {},
): JsonProblem | null {
  if (text.length <= deepest) return null;
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = endOfString(text, at);
    } else if (unit === BRACE || unit === BRACKET) {
      if (++depth > deepest) return 'TOO_DEEP';
      values++;
    } else if (unit === BRACE_END || unit === BRACKET_END) depth--;
    else if (unit === COMMA) values++;
    if (values > MOST_JSON_VALUES) return 'TOO_MANY_VALUES';
  }
  return null;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const BACKSLASH = 0x5c;

function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
  return text.length;
}
