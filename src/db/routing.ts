import sql from 'sql-template-tag';
import type { EventStatus, IgnoredCause, RejectionCause } from '../domain/status.ts';
import { bounds } from './ids.ts';
import type { Db } from './pool.ts';
import type { LaterClaim } from './requests.ts';
import { storableJson } from './storable.ts';

/** A request as routing reads it; the wide part is there only where a rule asks for it. */
export type RoutedRequest = {
  id: string;
  projectId: string;
  sourceId: string;
  method: string;
  path: string;
  query: string;
  headers: [string, string][];
  body: Buffer;
};

/** An event that routing makes; times in ms since 1970. */
export type NewEvent = {
  id: string;
  projectId: string;
  requestId: string;
  connectionId: string;
  sourceId: string;
  destinationId: string;
  status: EventStatus;
  deliveryGroup: string | null;
  /** Where its connection keeps an order: the lane it goes in. */
  laneKey: string | null;
  hasPayload: boolean;
  nextAttemptAtMs: number | null;
  createdAtMs: number;
};
export type NewIgnoredEvent = {
  requestId: string;
  connectionId: string;
  projectId: string;
  cause: IgnoredCause;
  meta: unknown;
  createdAtMs: number;
};
/** Whether a request is rejected after all, and what is to be said of that. */
export type RoutingVerdict = {
  requestId: string;
  rejectionCause: RejectionCause | null;
  detail?: { reason: string; hint: string };
};
export type RoutingPlan = {
  dispatchId: string;
  verdicts: RoutingVerdict[];
  events: NewEvent[];
  ignored: NewIgnoredEvent[];
};

/** A request that waits to be routed; `connectionIds`: a retry is meant for these connections only. */
export type DispatchedRequest = {
  id: string;
  projectId: string;
  sourceId: string;
  connectionIds: string[] | null;
  /** What it has to be the first with. */
  claims: LaterClaim[];
};

/** The requests of a dispatch that still wait to be routed, without their bytes. */
export async function listDispatched(
  db: Db,
  { dispatchId, requestIds }: { dispatchId: string; requestIds: string[] },
): Promise<DispatchedRequest[]> {
  const { rows } = await db.query<{
    id: string;
    project_id: string;
    source_id: string;
    connection_ids: string[] | null;
    claims: { hash: string; until: number; replay: boolean }[] | null;
  }>({
    name: 'list-dispatched',
    text: `select r.id, r.project_id, r.source_id, o.connection_ids, o.claims from outbox o join requests r on r.id = o.request_id
           where o.dispatch_id = $1 and o.request_id = any($2) and r.id >= $3 and r.id <= $4 order by r.id`,
    values: [dispatchId, requestIds, ...bounds(requestIds)],
  });
  return rows.map((row) => ({
    id: row.id,
    projectId: row.project_id,
    sourceId: row.source_id,
    connectionIds: row.connection_ids,
    claims: (row.claims ?? []).map(({ hash, until, replay }) => ({
      hash: Buffer.from(hash, 'base64'),
      expiresAtMs: until,
      replay,
    })),
  }));
}

/** What arrived with these requests, byte for byte. */
export async function readRequestData(
  db: Db,
  requestIds: string[],
): Promise<Map<string, Pick<RoutedRequest, 'method' | 'path' | 'query' | 'headers' | 'body'>>> {
  const { rows } = await db.query<RoutedRequest>({
    name: 'read-request-data',
    text: `select id, method, path, query, headers, body from request_data where id = any($1) and id >= $2 and id <= $3`,
    values: [requestIds, ...bounds(requestIds)],
  });
  return new Map(rows.map((row) => [row.id, row]));
}

const COMMIT = `
  with live as (
    delete from outbox where dispatch_id = $1 and request_id = any($2) returning request_id
  ), made as (
    insert into events (id, project_id, request_id, connection_id, source_id, destination_id, status, delivery_group,
      lane_key, has_payload, next_attempt_at, dispatch_id, workflow_id, created_at, updated_at)
    select e.id, e.project_id, e.request_id, e.connection_id, e.source_id, e.destination_id, e.status, e.delivery_group,
      e.lane_key, e.has_payload, to_timestamp(e.next_attempt_at / 1000), $1, 'requests/' || $1, t, t
    from json_to_recordset($3) as e (id text, project_id text, request_id text, connection_id text, source_id text,
        destination_id text, status text, delivery_group text, lane_key text, has_payload boolean, next_attempt_at double precision,
        created_at double precision)
      join live on live.request_id = e.request_id
      cross join lateral to_timestamp(e.created_at / 1000) as t
    on conflict (id) do nothing
    returning id, request_id, connection_id, destination_id, lane_key, next_attempt_at
  ), ignored as (
    insert into ignored_events (request_id, connection_id, project_id, cause, meta, created_at)
    select i.request_id, i.connection_id, i.project_id, i.cause, i.meta, to_timestamp(i.created_at / 1000)
    from json_to_recordset($4) as i (request_id text, connection_id text, project_id text, cause text, meta jsonb, created_at double precision)
      join live on live.request_id = i.request_id
    on conflict do nothing
    returning request_id
  ), marked as (
    update requests r set rejection_cause = v.rejection_cause, updated_at = now(),
      rejection_detail = coalesce(v.rejection_detail, r.rejection_detail),
      events_count = r.events_count + (select count(*) from made where made.request_id = r.id),
      ignored_count = r.ignored_count + (select count(*) from ignored where ignored.request_id = r.id)
    from json_to_recordset($5) as v (request_id text, rejection_cause text, rejection_detail jsonb) join live on live.request_id = v.request_id
    where r.id = v.request_id and r.id = any($2) and r.id >= $6 and r.id <= $7
  )
  select id, connection_id, destination_id, lane_key, next_attempt_at from made`;

/** What a transformation made of a request, for one event. */
export type NewPayload = {
  eventId: string;
  path: string;
  query: string;
  headers: readonly (readonly [string, string])[];
  body: Buffer;
};

/** Keeps what events send in place of what came in. */
export async function insertPayloads(db: Db, payloads: NewPayload[]): Promise<void> {
  let from = 0;
  const rows = payloads.map(({ eventId, path, query, headers, body }) => {
    const row = {
      event_id: eventId,
      path,
      query,
      headers,
      body_from: from,
      body_bytes: body.length,
    };
    from += body.length;
    return row;
  });
  await db.query({
    name: 'insert-payloads',
    text: `insert into event_payloads (event_id, path, query, headers, body)
           select event_id, path, query, headers, substring($2::bytea from body_from + 1 for body_bytes)
           from json_to_recordset($1) as p (event_id text, path text, query text, headers json, body_from integer, body_bytes integer)
           on conflict (event_id) do nothing`,
    values: [storableJson(rows), Buffer.concat(payloads.map((payload) => payload.body))],
  });
}

/** An event that this dispatch owns and has to deliver. */
export type RoutedEvent = {
  id: string;
  connectionId: string;
  destinationId: string;
  /** The connection whose order it keeps, where there is one. */
  lane: string | null;
  dueAtMs: number | null;
};

/**
 * Writes what routing decided, in one statement, for those requests only that still carry this dispatch's id,
 * and returns the events it made. What an earlier run of the same dispatch made comes from `listRouted`.
 */
export async function commitRouting(db: Db, plan: RoutingPlan): Promise<RoutedEvent[]> {
  const requestIds = plan.verdicts.map((verdict) => verdict.requestId);
  const { rows } = await db.query<RoutedRow>({
    name: 'commit-routing',
    text: COMMIT,
    values: [
      plan.dispatchId,
      requestIds,
      storableJson(plan.events.map(eventRow)),
      storableJson(
        plan.ignored.map((ignored) => ({
          request_id: ignored.requestId,
          connection_id: ignored.connectionId,
          project_id: ignored.projectId,
          cause: ignored.cause,
          meta: ignored.meta ?? null,
          created_at: ignored.createdAtMs,
        })),
      ),
      JSON.stringify(
        plan.verdicts.map((verdict) => ({
          request_id: verdict.requestId,
          rejection_cause: verdict.rejectionCause,
          rejection_detail: verdict.detail ?? null,
        })),
      ),
      ...bounds(requestIds),
    ],
  });
  return rows.map(routed);
}

/** The events an earlier run of this dispatch made from these requests and has not settled. */
export async function listRouted(
  db: Db,
  { dispatchId, requestIds }: { dispatchId: string; requestIds: string[] },
): Promise<RoutedEvent[]> {
  const [first, last] = bounds(requestIds);
  const { rows } = await db.query<RoutedRow>(sql`
    select id, connection_id, destination_id, lane_key, next_attempt_at from events
    where dispatch_id = ${dispatchId} and id >= ${eventBound(first)} and id <= ${`${eventBound(last)}~`}
      and status in ('QUEUED', 'SCHEDULED', 'HOLD', 'FAILED')
      and (status <> 'FAILED' or next_attempt_at is not null)`);
  return rows.map(routed);
}

type RoutedRow = {
  id: string;
  connection_id: string;
  destination_id: string;
  lane_key: string | null;
  next_attempt_at: Date | null;
};

function routed(row: RoutedRow): RoutedEvent {
  return {
    id: row.id,
    connectionId: row.connection_id,
    destinationId: row.destination_id,
    lane: row.lane_key === null ? null : row.connection_id,
    dueAtMs: row.next_attempt_at?.getTime() ?? null,
  };
}

function eventRow(event: NewEvent) {
  return {
    id: event.id,
    project_id: event.projectId,
    request_id: event.requestId,
    connection_id: event.connectionId,
    source_id: event.sourceId,
    destination_id: event.destinationId,
    status: event.status,
    delivery_group: event.deliveryGroup,
    lane_key: event.laneKey,
    has_payload: event.hasPayload,
    next_attempt_at: event.nextAttemptAtMs,
    created_at: event.createdAtMs,
  };
}

function eventBound(requestId: string): string {
  return `evt_${requestId.slice(requestId.indexOf('_') + 1)}`;
}
