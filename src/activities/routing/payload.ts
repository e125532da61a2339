import type { PayloadParts } from '../../domain/payload-path.ts';
import { parseBody } from '../../verification/content.ts';
import { decodeBody } from '../../verification/decoding.ts';

/** What a rule sees and changes: the request as bytes, `path` with its slash, `query` without its question mark. */
export type Payload = {
  path: string;
  query: string;
  headers: readonly (readonly [string, string])[];
  body: Buffer;
};

/** A payload as filters, deduplication and user code see it; parsed once, when first asked for. */
export type SeenPayload = Payload & {
  /** Whether a transformation made it. */
  changed: boolean;
  parts(): PayloadParts & { headers: Record<string, string>; query: Record<string, unknown> };
};

export function seen(payload: Payload, { changed }: { changed: boolean }): SeenPayload {
  let parts: ReturnType<SeenPayload['parts']> | undefined;
  return { ...payload, changed, parts: () => (parts ??= partsOf(payload)) };
}

function partsOf(payload: Payload) {
  const headers = headersOf(payload.headers);
  const contentEncoding = headers['content-encoding'];
  const decoded = decodeBody(payload.body, { contentEncoding });
  // What cannot be decoded is bytes: a filter sees no text in it.
  const bytes = 'body' in decoded ? decoded.body : Buffer.alloc(0);
  const parsed = parseBody(headers['content-type'], bytes, { sniffJson: true });
  const body = parsed.kind === 'binary' ? bytes.toString('base64') : parsed.value;
  return { headers, body, query: queryOf(payload.query), path: payload.path };
}

/** Headers by name in lower case; several of one name are joined as RFC 9110 §5.2 has it. */
function headersOf(pairs: Payload['headers']): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
  }
  return headers;
}

function queryOf(query: string): Record<string, string | string[]> {
  const values: Record<string, string | string[]> = Object.create(null) as Record<string, string>;
  const all = new URLSearchParams(query);
  for (const name of new Set(all.keys())) {
    const list = all.getAll(name);
    values[name] = list.length === 1 ? list[0]! : list;
  }
  return values;
}
