import { parseAsWritten } from '../domain/numbers/parse.ts';
import { jsonProblem } from '../verification/json-limits.ts';
import { BodyEncoding, LARGE_PAYLOAD_BYTES, type PayloadData } from '../domain/schema/request.ts';

/** What came in or goes out, as bytes; no body where it is too large to be shown. */
export type Payload = {
  path: string;
  query: string;
  headers: readonly (readonly [string, string])[];
  body: Buffer | null;
  body_bytes: number;
};

const MAX_SHOWN_DEPTH = 500;

/** A payload for people: query and headers by name, the body parsed where it is JSON. */
export function payloadDataOf(payload: Payload): PayloadData {
  const headers = headersOf(payload.headers);
  return {
    path: payload.path,
    query: payload.query,
    parsed_query: queryOf(payload.query),
    headers,
    ...shownBody(payload.body, headers['content-type']),
    is_large_payload: payload.body_bytes > LARGE_PAYLOAD_BYTES,
  };
}

/** A body as JSON can carry it: parsed JSON, text, or base64 of bytes that are no text. */
export function shownBody(
  body: Buffer | null,
  contentType: string | undefined,
): { body: unknown; body_encoding: BodyEncoding } {
  const raw = rawBodyOf(body ?? Buffer.alloc(0));
  if (body === null) return { ...raw, body: null };
  const maybeJson = contentType === undefined || /json/i.test(contentType);
  if (raw.body_encoding === BodyEncoding.Base64 || !maybeJson) return raw;
  const parsed = parsedJson(raw.body);
  return parsed === undefined ? raw : { ...raw, body: parsed };
}

/** The bytes as they are: text, or base64 where they are no text. */
export function rawBodyOf(body: Buffer): { body: string; body_encoding: BodyEncoding } {
  try {
    // A byte order mark is part of the bytes.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    return { body: text, body_encoding: BodyEncoding.Text };
  } catch {
    return { body: body.toString('base64'), body_encoding: BodyEncoding.Base64 };
  }
}

/** Headers by name in lower case; several of one name are joined as RFC 9110 §5.2 has it. */
export function headersOf(pairs: Payload['headers']): Record<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  headers.delete('__proto__');
  return Object.fromEntries(headers);
}

function queryOf(query: string): Record<string, string | string[]> {
  const own = new URLSearchParams(query);
  const names = [...new Set(own.keys())].filter((name) => name !== '__proto__');
  return Object.fromEntries(
    names.map((name) => {
      const values = own.getAll(name);
      return [name, values.length === 1 ? values[0]! : values];
    }),
  );
}

// Writing JSON is recursive in Node, and each value takes memory: what is beyond is shown as text.
function parsedJson(text: string): unknown {
  if (jsonProblem(text, { deepest: MAX_SHOWN_DEPTH }) !== null) return undefined;
  try {
    return parseAsWritten(text);
  } catch {
    return undefined;
  }
}
