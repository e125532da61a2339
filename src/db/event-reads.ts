import sql, { empty, raw, type Sql } from 'sql-template-tag';
import { EventStatus, RetryState } from '../domain/status.ts';
import { derivedRange, firstIdAt } from './ids.ts';
import {
  asksForPayload,
  matchesQuery,
  payloadConditions,
  type PayloadFilters,
} from './payload-filters.ts';
import type { Db } from './pool.ts';
import { conditionsOn, type Filter, type Page, type PageOrder } from './query.ts';
import { type Scan, scanPage } from './scan.ts';

export type EventRow = {
  id: string;
  project_id: string;
  request_id: string;
  connection_id: string;
  source_id: string;
  destination_id: string;
  status: EventStatus;
  attempts: number;
  response_status: number | null;
  error_code: string | null;
  delivery_group: string | null;
  lane_key: string | null;
  workflow_id: string;
  has_payload: boolean;
  cli_id: string | null;
  last_attempt_at: Date | null;
  next_attempt_at: Date | null;
  /** `next_attempt_at`, or null once its connection or destination is deleted. */
  due_at: Date | null;
  /** Null unless it failed. */
  retry_state: RetryState | null;
  successful_at: Date | null;
  created_at: Date;
  updated_at: Date;
};

/** What a transformation made of a request. */
export type EventPayloadRow = {
  event_id: string;
  path: string;
  query: string;
  headers: [string, string][];
  /** Null where it is larger than was asked for. */
  body: Buffer | null;
  body_bytes: number;
};

export type EventFilters = PayloadFilters & {
  id?: Filter<string> | undefined;
  status?: Filter<EventStatus> | undefined;
  retry_state?: Filter<RetryState> | undefined;
  /** The events of these requests alone. */
  request_id?: string[] | undefined;
  webhook_id?: Filter<string> | undefined;
  source_id?: Filter<string> | undefined;
  destination_id?: Filter<string> | undefined;
  delivery_group?: Filter<string> | undefined;
  lane_key?: Filter<string> | undefined;
  attempts?: Filter<number> | undefined;
  response_status?: Filter<number> | undefined;
  error_code?: Filter<string> | undefined;
  successful_at?: Filter<Date> | undefined;
  created_at?: Filter<Date> | undefined;
  last_attempt_at?: Filter<Date> | undefined;
  next_attempt_at?: Filter<Date> | undefined;
};

// `offset 0`: looked up row by row, so that a window never costs more than its rows.
const DATA = sql`cross join lateral (select * from request_data where id = c.request_id offset 0) d
  left join lateral (select * from event_payloads where event_id = c.id and c.has_payload offset 0) p on true`;

// What the index of statuses holds: not those on their usual way, which are the newest, or nearly all.
const NOTED = new Set<EventStatus>([
  EventStatus.Scheduled,
  EventStatus.Hold,
  EventStatus.Failed,
  EventStatus.Cancelled,
]);

// Disabling or deleting a destination changes no event: the worker cancels each when its time has come. Until then the
// row alone would promise a retry that nobody makes.
const RETRY_STATE = `(case when c.status = 'FAILED' then coalesce((
    select case when d.deleted_at is not null or k.deleted_at is not null then '${RetryState.Ended}'
      when d.disabled_at is not null or k.disabled_at is not null then '${RetryState.Blocked}'
      else '${RetryState.Pending}' end
    from destinations d, connections k
    where c.next_attempt_at is not null and d.id = c.destination_id and k.id = c.connection_id),
  '${RetryState.Ended}') end)`;
// For the same reason: nothing is attempted once the destination or the connection is deleted.
const DUE_AT = `(select c.next_attempt_at from destinations d, connections k
  where c.next_attempt_at is not null and d.id = c.destination_id and k.id = c.connection_id
    and d.deleted_at is null and k.deleted_at is null)`;
const WITH_STANDING = sql`, ${raw(RETRY_STATE)} as retry_state, ${raw(DUE_AT)} as due_at`;

type Wanted = { projectId: string; filters: EventFilters; connectionIds: string[] | null };

/**
 * A page of events, in order of their ids: by request, and so by arrival.
 * `connectionIds`: the connections that stand for the wanted sources (events are indexed by connection).
 */
export function listEvents(
  db: Db,
  { page, ...wanted }: Wanted & { page: PageOrder },
): Promise<Page<EventRow>> {
  const { filters } = wanted;
  const query = filters.parsed_query;
  const columns = {
    path: sql`coalesce(p.path, d.path)`,
    query: sql`coalesce(p.query, d.query)`,
    headers: sql`coalesce(p.headers, d.headers)`,
    body: sql`coalesce(p.body, d.body)`,
  };
  return scanPage<EventRow & { searched_query?: string }>(db, {
    page,
    scan: {
      table: 'events',
      lanes: lanesOf(wanted),
      bounds: boundsOf(filters),
      joins: asksForPayload(filters) ? DATA : empty,
      columns: query ? sql`${WITH_STANDING}, ${columns.query} as searched_query` : WITH_STANDING,
      tests: [...testsOf(wanted), ...payloadConditions(filters, columns)],
      ...(query && { check: (row) => matchesQuery(row.searched_query ?? '', query) }),
    },
  });
}

export async function findEvent(
  db: Db,
  { projectId, id }: { projectId: string; id: string },
): Promise<EventRow | null> {
  const { rows } = await db.query<EventRow>(
    sql`select c.* ${WITH_STANDING} from events c where c.id = ${id} and c.project_id = ${projectId}`,
  );
  return rows[0] ?? null;
}

/** These events, in order of their ids. */
export async function findEvents(
  db: Db,
  { projectId, ids }: { projectId: string; ids: string[] },
): Promise<EventRow[]> {
  const { rows } = await db.query<EventRow>(
    sql`select c.* ${WITH_STANDING} from events c where c.id = any(${ids}) and c.project_id = ${projectId} order by c.id`,
  );
  return rows;
}

/** Which of these connections have made an event of a request. */
export async function listTaking(
  db: Db,
  { requestId, connectionIds }: { requestId: string; connectionIds: string[] },
): Promise<string[]> {
  const { from, to } = derivedRange('event', requestId);
  const { rows } = await db.query<{ id: string }>(sql`
    select distinct connection_id as id from events
    where id >= ${from} and id < ${to} and request_id = ${requestId} and connection_id = any(${connectionIds})`);
  return rows.map((row) => row.id);
}

/** What transformations made for these events; a body above `maxBodyBytes` stays where it is. */
export async function readEventPayloads(
  db: Db,
  { ids, maxBodyBytes }: { ids: string[]; maxBodyBytes: number },
): Promise<Map<string, EventPayloadRow>> {
  const { rows } = await db.query<EventPayloadRow>(sql`
    select event_id, path, query, headers, octet_length(body) as body_bytes,
      case when octet_length(body) <= ${maxBodyBytes} then body end as body
    from event_payloads where event_id = any(${ids})`);
  return new Map(rows.map((row) => [row.event_id, row]));
}

/** How large the bodies are that transformations made for these events. */
export async function readEventPayloadSizes(db: Db, ids: string[]): Promise<Map<string, number>> {
  const { rows } = await db.query<{ id: string; bytes: number }>(
    sql`select event_id as id, octet_length(body) as bytes from event_payloads where event_id = any(${ids})`,
  );
  return new Map(rows.map((row) => [row.id, row.bytes]));
}

// One walk per value of the narrowest filter that an index answers; the others are tested.
function lanesOf({ projectId, filters, connectionIds }: Wanted): Scan<EventRow>['lanes'] {
  if (filters.request_id) {
    const ranges = filters.request_id.map((id) => derivedRange('event', id).from);
    return {
      values: ranges,
      condition: (value) => sql`t.id >= ${value} and t.id < ${value} || '~'`,
    };
  }
  const connections = filters.webhook_id?.in ?? connectionIds;
  if (connections)
    return { values: connections, condition: (value) => sql`t.connection_id = ${value}` };
  if (filters.destination_id?.in) {
    const values = filters.destination_id.in;
    return { values, condition: (value) => sql`t.destination_id = ${value}` };
  }
  const { retry_state: retry } = filters;
  const statuses = filters.status?.in ?? (retry?.in || retry?.any ? [EventStatus.Failed] : null);
  if (!statuses || statuses.some((status) => !NOTED.has(status))) return null;
  return {
    values: statuses,
    condition: (value) => sql`t.project_id = ${projectId} and t.noted_status = ${value}`,
  };
}

function boundsOf({ id, created_at: created }: EventFilters): Sql[] {
  const bounds: Sql[] = [];
  if (id?.in) bounds.push(sql`t.id = any(${id.in})`);
  // An event's id has the time of its request, and so has `created_at`, however late the event was made.
  const from = created?.gte ?? created?.gt;
  const to = created?.lte ?? created?.lt;
  if (from) bounds.push(sql`t.id >= ${firstIdAt('event', from.getTime())}`);
  if (to) bounds.push(sql`t.id < ${firstIdAt('event', to.getTime() + 1)}`);
  return bounds;
}

function testsOf({ projectId, filters, connectionIds }: Wanted): Sql[] {
  return [
    sql`c.project_id = ${projectId}`,
    ...(connectionIds ? [sql`c.connection_id = any(${connectionIds})`] : []),
    ...conditionsOn('c.status', filters.status),
    ...conditionsOn(RETRY_STATE, filters.retry_state),
    ...conditionsOn('c.connection_id', filters.webhook_id),
    ...conditionsOn('c.destination_id', filters.destination_id),
    ...conditionsOn('c.delivery_group', filters.delivery_group),
    ...conditionsOn('c.lane_key', filters.lane_key),
    ...conditionsOn('c.attempts', filters.attempts),
    ...conditionsOn('c.response_status', filters.response_status),
    ...conditionsOn('c.error_code', filters.error_code),
    ...conditionsOn('c.successful_at', filters.successful_at),
    ...conditionsOn('c.created_at', filters.created_at),
    ...conditionsOn('c.last_attempt_at', filters.last_attempt_at),
    ...conditionsOn(DUE_AT, filters.next_attempt_at),
  ];
}
