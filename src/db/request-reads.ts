import sql, { empty, type Sql } from 'sql-template-tag';
import type { IgnoredCause, RejectionCause, RequestKind } from '../domain/status.ts';
import { firstIdAt } from './ids.ts';
import {
  asksForPayload,
  matchesQuery,
  payloadConditions,
  type PayloadFilters,
} from './payload-filters.ts';
import type { Db } from './pool.ts';
import { conditionsOn, type Filter, type Page, type PageOrder, where } from './query.ts';
import { scanPage } from './scan.ts';

export type RequestRow = {
  id: string;
  project_id: string;
  source_id: string;
  verified: boolean | null;
  rejection_cause: RejectionCause | null;
  rejection_detail: unknown;
  kind: RequestKind;
  events_count: number;
  ignored_count: number;
  cli_events_count: number;
  ingested_at: Date;
  created_at: Date;
  updated_at: Date;
};

/** What came in, byte for byte. */
export type RequestDataRow = {
  id: string;
  method: string;
  path: string;
  query: string;
  headers: [string, string][];
  /** Null where it is larger than was asked for. */
  body: Buffer | null;
  body_bytes: number;
  remote_address: string | null;
  verified: boolean | null;
};

export type RequestFilters = PayloadFilters & {
  id?: Filter<string> | undefined;
  status?: 'accepted' | 'rejected' | undefined;
  rejection_cause?: Filter<string> | undefined;
  source_id?: Filter<string> | undefined;
  verified?: boolean | undefined;
  /** Why some connection did not take it. */
  ignored_cause?: Filter<IgnoredCause> | undefined;
  /** The connection that did not take it. */
  webhook_id?: Filter<string> | undefined;
  events_count?: Filter<number> | undefined;
  ignored_count?: Filter<number> | undefined;
  cli_events_count?: Filter<number> | undefined;
  created_at?: Filter<Date> | undefined;
  ingested_at?: Filter<Date> | undefined;
};

// `offset 0`: looked up row by row, so that a window never costs more than its rows.
const DATA = sql`cross join lateral (select * from request_data where id = c.id offset 0) d`;

// The id is made a moment before or after the time that is written down.
const ID_SLACK_MS = 60_000;

/** A page of requests, in order of their ids, which is the order of arrival. */
export function listRequests(
  db: Db,
  { projectId, filters, page }: { projectId: string; filters: RequestFilters; page: PageOrder },
): Promise<Page<RequestRow>> {
  const query = filters.parsed_query;
  const payload = asksForPayload(filters);
  const columns = {
    path: sql`d.path`,
    query: sql`d.query`,
    headers: sql`d.headers`,
    body: sql`d.body`,
  };
  return scanPage<RequestRow & { searched_query?: string }>(db, {
    page,
    scan: {
      table: 'requests',
      lanes: lanesOf(filters),
      bounds: boundsOf({ projectId, filters }),
      joins: payload ? DATA : empty,
      columns: query ? sql`, d.query as searched_query` : empty,
      tests: [...testsOf({ projectId, filters }), ...payloadConditions(filters, columns)],
      ...(query && { check: (row) => matchesQuery(row.searched_query ?? '', query) }),
    },
  });
}

export async function findRequest(
  db: Db,
  { projectId, id }: { projectId: string; id: string },
): Promise<RequestRow | null> {
  const { rows } = await db.query<RequestRow>(
    sql`select * from requests where id = ${id} and project_id = ${projectId}`,
  );
  return rows[0] ?? null;
}

/** What came in with these requests; a body above `maxBodyBytes` stays where it is. */
export async function readRequests(
  db: Db,
  { ids, maxBodyBytes }: { ids: string[]; maxBodyBytes: number },
): Promise<Map<string, RequestDataRow>> {
  const { rows } = await db.query<RequestDataRow>(sql`
    select d.id, d.method, d.path, d.query, d.headers, d.remote_address, r.verified,
      octet_length(d.body) as body_bytes, case when octet_length(d.body) <= ${maxBodyBytes} then d.body end as body
    from request_data d join requests r on r.id = d.id where d.id = any(${ids})`);
  return new Map(rows.map((row) => [row.id, row]));
}

/** How large the bodies of these requests are. */
export async function readRequestSizes(db: Db, ids: string[]): Promise<Map<string, number>> {
  const { rows } = await db.query<{ id: string; bytes: number }>(
    sql`select id, octet_length(body) as bytes from request_data where id = any(${ids})`,
  );
  return new Map(rows.map((row) => [row.id, row.bytes]));
}

function lanesOf({ source_id: source }: RequestFilters) {
  return source?.in
    ? { values: source.in, condition: (value: Sql) => sql`t.source_id = ${value}` }
    : null;
}

function boundsOf({ projectId, filters }: { projectId: string; filters: RequestFilters }): Sql[] {
  const bounds: Sql[] = [];
  if (filters.id?.in) bounds.push(sql`t.id = any(${filters.id.in})`);
  const rejected = filters.status === 'rejected' || filters.rejection_cause !== undefined;
  if (rejected) bounds.push(sql`t.project_id = ${projectId}`, sql`t.rejection_cause is not null`);
  for (const time of [filters.created_at, filters.ingested_at]) {
    const from = time?.gte ?? time?.gt;
    const to = time?.lte ?? time?.lt;
    if (from) bounds.push(sql`t.id >= ${firstIdAt('request', from.getTime() - ID_SLACK_MS)}`);
    if (to) bounds.push(sql`t.id < ${firstIdAt('request', to.getTime() + ID_SLACK_MS)}`);
  }
  return bounds;
}

function testsOf({ projectId, filters }: { projectId: string; filters: RequestFilters }): Sql[] {
  return [
    sql`c.project_id = ${projectId}`,
    ...(filters.status === 'accepted' ? [sql`c.rejection_cause is null`] : []),
    ...(filters.verified === undefined ? [] : [sql`c.verified = ${filters.verified}`]),
    ...conditionsOn('c.rejection_cause', filters.rejection_cause),
    ...ignoredBy(filters),
    ...conditionsOn('c.events_count', filters.events_count),
    ...conditionsOn('c.ignored_count', filters.ignored_count),
    ...conditionsOn('c.cli_events_count', filters.cli_events_count),
    ...conditionsOn('c.created_at', filters.created_at),
    ...conditionsOn('c.ingested_at', filters.ingested_at),
  ];
}

/** That one of these connections ignored it for one of these causes. Looks up rows only for requests that have any. */
function ignoredBy({ ignored_cause: cause, webhook_id: connection }: RequestFilters): Sql[] {
  const conditions = [
    ...conditionsOn('i.cause', cause),
    ...conditionsOn('i.connection_id', connection),
  ];
  if (conditions.length === 0) return [];
  const own = where([sql`i.request_id = c.id`, ...conditions]);
  return [sql`c.ignored_count > 0`, sql`exists (select from ignored_events i ${own})`];
}
