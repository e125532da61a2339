import type { PayloadParts } from '../domain/payload-path.ts';
import { mayHoldUnusualNumbers } from '../domain/numbers/parse.ts';
import { contentFamily, ContentFamily, parseBody, type ParsedBody } from './content.ts';
import { decodeBody, mostDecodedBytes, type Decoded } from './decoding.ts';
import { readForm, type Form } from './form.ts';
import type { JsonProblem } from './json-limits.ts';

/** A request as bytes: `path` with its slash, `query` without its question mark. */
export type RawRequest = {
  path: string;
  query: string;
  headers: readonly (readonly [string, string])[];
  body: Buffer;
};

/** A request as filters, deduplication and user code see it. */
export type RequestParts = PayloadParts & {
  headers: Record<string, string>;
  query: Record<string, string | string[]>;
  path: string;
};

/** Why rules see a body as text, or not at all, although it may be right. */
export type BodyProblem = JsonProblem | 'TOO_LARGE';

/** A request as rules see it, and what kept its body from being parsed. */
export type OpenedRequest = {
  parts: RequestParts;
  problem: BodyProblem | null;
  /** The body with its numbers as they were written, for code and for people. */
  writtenBody(): unknown;
};

/**
 * Parses a request for rules: the body decoded and parsed where it can be, as base64 where it is no text. `decoded` is
 * the body where it has been decoded before.
 */
export function openRequest(request: RawRequest, decoded?: Decoded): OpenedRequest {
  const headers = headersByName(request.headers);
  const contentEncoding = headers['content-encoding'];
  const known = decoded ?? decodeBody(request.body, { contentEncoding });
  // What cannot be decoded is bytes: a filter sees no text in it.
  const bytes = 'body' in known ? known.body : Buffer.alloc(0);
  const parsed = parseBody(headers['content-type'], bytes, { sniffJson: true });
  const body = parsed.kind === 'binary' ? bytes.toString('base64') : parsed.value;
  const parts = { headers, body, query: queryByName(request.query), path: request.path };
  let written: unknown;
  const writtenBody = () => (written ??= bodyAsWritten(bytes, parts));
  return { parts, problem: problemOf(known, parsed), writtenBody };
}

function problemOf(decoded: Decoded, parsed: ParsedBody): BodyProblem | null {
  if ('problem' in decoded) return decoded.problem === 'TOO_LARGE' ? 'TOO_LARGE' : null;
  const isLimit = parsed.kind === 'unparsable' && parsed.problem !== 'INVALID_JSON';
  return isLimit ? (parsed.problem as JsonProblem) : null;
}

/** How many bytes a request's body takes at most, as it came and decoded. */
export function mostBytesOf(request: Pick<RawRequest, 'headers' | 'body'>): number {
  const coding = codingOf(request);
  const { length } = request.body;
  return coding === undefined ? length : length + mostDecodedBytes(length, coding);
}

/** The last content coding of a request; undefined where its body is as it is. */
export function codingOf({ headers }: Pick<RawRequest, 'headers'>): string | undefined {
  const values = headers.filter(([name]) => name.toLowerCase() === 'content-encoding');
  return values.length === 0 ? undefined : values.map(([, value]) => value).join(', ');
}

function bodyAsWritten(decoded: Buffer, { headers, body }: RequestParts): unknown {
  const type = headers['content-type'];
  if (typeof body === 'string' || body === null || isForm(type)) return body;
  // Of ASCII in all charsets that JSON is sent in, but for UTF-16.
  if (!mayHoldUnusualNumbers(decoded.toString('latin1').replaceAll('\0', ''))) return body;
  return parseBody(type, decoded, { sniffJson: true, asWritten: true }).value;
}

/** The form in a request, field by field; null where it has none. */
export function formOf({ body }: RawRequest, { headers }: RequestParts): Form | null {
  const type = headers['content-type'];
  return isForm(type) ? readForm(decodedBody(body, headers), type) : null;
}

function isForm(type: string | undefined): boolean {
  return contentFamily(type) === ContentFamily.FORM;
}

// What cannot be decoded is bytes: a filter sees no text in it.
function decodedBody(body: Buffer, headers: RequestParts['headers']): Buffer {
  const decoded = decodeBody(body, { contentEncoding: headers['content-encoding'] });
  return 'body' in decoded ? decoded.body : Buffer.alloc(0);
}

/** Headers by name in lower case; several of one name are joined as RFC 9110 §5.2 has it. */
function headersByName(pairs: RawRequest['headers']): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
  }
  return headers;
}

/** The parameters of a query string; one that occurs several times is a list. */
export function queryByName(query: string): Record<string, string | string[]> {
  const values: Record<string, string | string[]> = Object.create(null) as Record<string, string>;
  const all = new URLSearchParams(query);
  for (const name of new Set(all.keys())) {
    const list = all.getAll(name);
    values[name] = list.length === 1 ? list[0]! : list;
  }
  return values;
}
