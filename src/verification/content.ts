import { parseAsWritten, parseWithEqualNumbers } from '../domain/numbers/parse.ts';
import { formValue, readForm, type FormValue } from './form.ts';
import { jsonProblem, MOST_JSON_VALUES, type JsonProblem } from './json-limits.ts';
import { decodeText } from './text.ts';

/** Kinds of content as filters and transformations see them. */
export const ContentFamily = {
  JSON: 'json',
  NDJSON: 'ndjson',
  FORM: 'form',
  XML: 'xml',
  TEXT: 'text',
  BINARY: 'binary',
} as const;
export type ContentFamily = (typeof ContentFamily)[keyof typeof ContentFamily];

export type ParsedBody =
  | { kind: 'empty'; value: null }
  | { kind: 'json'; value: unknown }
  | { kind: 'ndjson'; value: unknown[] }
  | { kind: 'form'; value: FormValue }
  | { kind: 'xml' | 'text'; value: string }
  /** Stays bytes: nothing is shown of it but its size. */
  | { kind: 'binary'; value: null }
  | { kind: 'unparsable'; value: string; problem: 'INVALID_JSON' | JsonProblem };

const NDJSON = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
  'application/jsonlines',
]);
const TEXT = new Set([
  'application/jwt',
  'application/javascript',
  'application/graphql',
  'application/yaml',
  'application/x-yaml',
  'application/toml',
  'application/sql',
]);

/** The family of a content type; text where there is none. */
export function contentFamily(contentType: string | undefined): ContentFamily {
  // Some senders, and some proxies, say it twice.
  const type =
    /^[^;,]*/
      .exec(contentType ?? '')?.[0]
      .trim()
      .toLowerCase() ?? '';
  if (NDJSON.has(type)) return ContentFamily.NDJSON;
  if (type === 'application/json' || type === 'text/json' || type.endsWith('+json'))
    return ContentFamily.JSON;
  if (type === 'application/csp-report') return ContentFamily.JSON;
  if (type === 'application/x-www-form-urlencoded') return ContentFamily.FORM;
  if (type === 'application/xml' || type === 'text/xml' || type.endsWith('+xml'))
    return ContentFamily.XML;
  return type === '' || type.startsWith('text/') || TEXT.has(type)
    ? ContentFamily.TEXT
    : ContentFamily.BINARY;
}

/**
 * Parses a decoded body by its content type. Numbers are doubles, and exact numbers where a double
 * cannot hold them; with `asWritten` also where JSON.stringify would write them otherwise. `sniffJson` takes text that is JSON as JSON, for providers that send
 * one as the other. Never throws, and never touches a prototype: a member called `__proto__` is a member.
 */
export function parseBody(
  contentType: string | undefined,
  bytes: Buffer,
  { sniffJson = false, asWritten = false }: { sniffJson?: boolean; asWritten?: boolean } = {},
): ParsedBody {
  if (bytes.length === 0) return { kind: 'empty', value: null };
  const family = contentFamily(contentType);
  if (family === ContentFamily.BINARY) return { kind: 'binary', value: null };
  if (family === ContentFamily.FORM)
    return { kind: 'form', value: formValue(readForm(bytes, contentType)) };
  const text = decodeText(bytes, { contentType });
  const parse = asWritten ? parseAsWritten : parseWithEqualNumbers;
  switch (family) {
    case ContentFamily.JSON:
      return parseJson(text, parse);
    case ContentFamily.NDJSON:
      return parseLines(text, parse);
    case ContentFamily.XML:
      return { kind: 'xml', value: text };
    case ContentFamily.TEXT:
      break;
  }
  const sniffed = sniffJson && /^\s*[[{]/.test(text) ? parseJson(text, parse) : null;
  return sniffed?.kind === 'json' ? sniffed : { kind: 'text', value: text };
}

type Parse = (text: string) => unknown;

function parseJson(text: string, parse: Parse): ParsedBody {
  const problem = jsonProblem(text);
  if (problem !== null) return { kind: 'unparsable', value: text, problem };
  try {
    return { kind: 'json', value: parse(text) };
  } catch {
    return { kind: 'unparsable', value: text, problem: 'INVALID_JSON' };
  }
}

function parseLines(text: string, parse: Parse): ParsedBody {
  const values: unknown[] = [];
  const problem = linesProblem(text);
  if (problem !== null) return { kind: 'unparsable', value: text, problem };
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const parsed = parseJson(line, parse);
    if (parsed.kind !== 'json')
      return parsed.kind === 'unparsable' ? { ...parsed, value: text } : parsed;
    values.push(parsed.value);
  }
  return { kind: 'ndjson', value: values };
}

function linesProblem(text: string): JsonProblem | null {
  if (text.length <= MOST_JSON_VALUES) return null;
  const first = cutAfter(text, { separator: '\n', most: MOST_JSON_VALUES });
  return first === text ? jsonProblem(text) : 'TOO_MANY_VALUES';
}

/** The text up to the end of its `most`-th piece between separators. */
function cutAfter(text: string, { separator, most }: { separator: string; most: number }): string {
  let at = -1;
  for (let n = 0; n < most; n++) {
    at = text.indexOf(separator, at + 1);
    if (at < 0) return text;
  }
  return text.slice(0, at);
}
