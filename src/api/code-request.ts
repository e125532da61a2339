import type { RequestDataRow } from '../db/request-reads.ts';
import type { CodeRequest } from '../domain/code-input.ts';
import { openRequest } from '../verification/request-parts.ts';

/** What came in with a request, as code is shown it; null where it is too large. */
export function codeRequestOf(data: RequestDataRow): CodeRequest | null {
  if (!data.body) return null;
  const { path, query, headers, body } = data;
  const { parts, writtenBody } = openRequest({ path, query, headers, body });
  return { headers: parts.headers, body: writtenBody(), query, parsed_query: parts.query, path };
}
