import sql, { type Sql } from 'sql-template-tag';
import { LARGE_PAYLOAD_BYTES } from '../domain/schema/request.ts';

/** What a list asks of the bytes that came in: every part must match. */
export type PayloadFilters = {
  /** A part of the JSON body. */
  body?: unknown;
  headers?: Record<string, unknown> | undefined;
  parsed_query?: Record<string, unknown> | undefined;
  path?: string | undefined;
  search_term?: string | undefined;
};

/** The columns the conditions read. */
export type PayloadColumns = { path: Sql; query: Sql; headers: Sql; body: Sql };

/** Whether a list has to look at the bytes at all. */
export function asksForPayload(filters: PayloadFilters): boolean {
  return (['body', 'headers', 'parsed_query', 'path', 'search_term'] as const).some(
    (part) => filters[part] !== undefined,
  );
}

/** The conditions that SQL can test; `matchesQuery` tests the query string. */
export function payloadConditions(filters: PayloadFilters, columns: PayloadColumns): Sql[] {
  const { path, headers, body } = columns;
  const conditions: Sql[] = [];
  if (filters.path !== undefined) {
    conditions.push(sql`strpos(lower(${path}), lower(${filters.path})) > 0`);
  }
  for (const [name, value] of Object.entries(filters.headers ?? {})) {
    conditions.push(sql`exists (select from json_array_elements(${headers}) h
      where lower(h->>0) = ${name.toLowerCase()} and h->>1 = ${textOf(value)})`);
  }
  if (filters.body !== undefined) {
    const part = JSON.stringify(filters.body);
    conditions.push(sql`octet_length(${body}) <= ${LARGE_PAYLOAD_BYTES}`);
    conditions.push(sql`try_jsonb(${body}) @> ${part}::jsonb`);
  }
  if (filters.search_term !== undefined)
    conditions.push(searchCondition(filters.search_term, columns));
  return conditions;
}

// Bytes are written out as text the same way on both sides, so that a body of any kind can be searched.
function searchCondition(term: string, { path, query, headers, body }: PayloadColumns): Sql {
  const wanted = sql`lower(encode(convert_to(${term}, 'UTF8'), 'escape'))`;
  return sql`(strpos(lower(${path} || '?' || ${query}), lower(${term})) > 0
    or strpos(lower(${headers}::text), lower(${term})) > 0
    or (octet_length(${body}) <= ${LARGE_PAYLOAD_BYTES} and strpos(lower(encode(${body}, 'escape')), ${wanted}) > 0))`;
}

/** Whether a query string has every parameter that is wanted, with one of its values. */
export function matchesQuery(query: string, wanted: Record<string, unknown>): boolean {
  const own = new URLSearchParams(query);
  return Object.entries(wanted).every(([name, value]) => {
    const values = own.getAll(name);
    return [value].flat().every((item) => values.includes(textOf(item)));
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
