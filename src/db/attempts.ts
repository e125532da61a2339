import sql from 'sql-template-tag';
import type { AttemptStatus, AttemptTrigger, EventStatus } from '../domain/status.ts';
import type { Db } from './pool.ts';
import { among, bounds, requestIdOf } from './ids.ts';
import { storableJson } from './storable.ts';

/** An attempt that has begun: its row is written, nothing has been sent. */
export type BegunAttempt = {
  attemptId: string;
  number: number;
  trigger: AttemptTrigger;
  automaticAttempts: number;
  /** When the automatic schedule goes on, where it waits (ms). */
  automaticAtMs: number | null;
  eventId: string;
  projectId: string;
  requestId: string;
  sourceId: string;
  connectionId: string;
  verified: boolean | null;
  remoteAddress: string | null;
  method: string;
  path: string;
  query: string;
  headers: [string, string][];
  body: Buffer;
};

/** What `beginAttempts` found of one event: begun, or why not. */
export type Beginning =
  | { kind: 'begun'; attempt: BegunAttempt }
  | { kind: 'settled'; eventId: string }
  | { kind: 'later'; eventId: string; dueAtMs: number }
  | { kind: 'held'; eventId: string; gateId: string }
  | { kind: 'withheld'; eventId: string }
  | { kind: 'cancelled'; eventId: string }
  | { kind: 'laned'; eventId: string; connectionId: string }
  | { kind: 'busy'; eventId: string };

/** The id of the next attempt of an event in this row of `events`, in SQL; `attemptId` makes the same. */
export function nextAttemptId(event: string): string {
  const number = `(${event}.attempts + 1)::text`;
  return `'atm_' || substr(${event}.id, 5) || lpad(${number}, greatest(4, length(${number})), '0')`;
}

const BEGIN = `
  with wanted as materialized (
    select e.*, coalesce(e.next_attempt_at, '-infinity') <= to_timestamp($3::double precision / 1000) as due,
      e.status in ('SUCCESSFUL', 'CANCELLED') or (e.status = 'FAILED' and e.next_attempt_at is null) as settled,
      e.lane_key is not null and not $6 as laned, d.paused_at is not null as destination_paused, c.paused_at is not null as connection_paused,
      coalesce(d.held_until > to_timestamp($3::double precision / 1000) and d.held_url = d.config->>'url', false) as withheld,
      d.disabled_at is not null or d.deleted_at is not null or c.disabled_at is not null or c.deleted_at is not null as closed
    from events e
      join destinations d on d.id = e.destination_id
      join connections c on c.id = e.connection_id
    where e.id = any($1) and e.id >= $4 and e.id <= $5
  ), begun as (
    insert into attempts (id, project_id, event_id, destination_id, number, trigger, workflow_id, holder, created_at, updated_at)
    select ${nextAttemptId('wanted')},
      project_id, id, destination_id, attempts + 1, trigger, $2, $9::integer, to_timestamp($3::double precision / 1000), to_timestamp($3::double precision / 1000)
    from wanted
    where due and not settled and not closed and not laned and not destination_paused and not connection_paused and not withheld
    on conflict (id) do nothing
    returning id, event_id, number, trigger
  )
  select w.id, w.project_id, w.request_id, w.source_id, w.connection_id, w.destination_id, w.automatic_attempts, w.automatic_at, w.next_attempt_at,
    w.due, w.settled, w.closed, w.laned, w.destination_paused, w.connection_paused, w.withheld,
    b.id as attempt_id, b.number, b.trigger, r.verified, q.remote_address, q.method,
    coalesce(p.path, q.path) as path, coalesce(p.query, q.query) as query, coalesce(p.headers, q.headers) as headers,
    coalesce(p.body, q.body) as body
  from wanted w
    left join begun b on b.event_id = w.id
    left join requests r on r.id = w.request_id and b.id is not null and r.id = any($10) and r.id >= $7 and r.id <= $8
    left join request_data q on q.id = w.request_id and b.id is not null and q.id = any($10) and q.id >= $7 and q.id <= $8
    left join event_payloads p on p.event_id = w.id and w.has_payload and b.id is not null and p.event_id = any($1) and p.event_id >= $4 and p.event_id <= $5
  order by w.id`;

type BeginRow = {
  id: string;
  project_id: string;
  request_id: string;
  source_id: string;
  connection_id: string;
  destination_id: string;
  automatic_attempts: number;
  automatic_at: Date | null;
  next_attempt_at: Date | null;
  due: boolean;
  settled: boolean;
  closed: boolean;
  laned: boolean;
  destination_paused: boolean;
  connection_paused: boolean;
  withheld: boolean;
  attempt_id: string | null;
  number: number;
  trigger: AttemptTrigger;
  verified: boolean | null;
  remote_address: string | null;
  method: string;
  path: string;
  query: string;
  headers: [string, string][];
  body: Buffer;
};

/**
 * Looks at the gate, and writes an attempt row for each of these events that may be sent now, in one statement.
 * Two that begin the same attempt meet in its primary key: the second finds it `busy`. Only the one who drains the
 * lanes may begin what is in a lane (`inLane`). `holder` is the number of this process, by which others see it lives.
 */
export async function beginAttempts(
  db: Db,
  {
    eventIds,
    workflowId,
    nowMs,
    inLane = false,
    holder = null,
  }: {
    eventIds: string[];
    workflowId: string;
    nowMs: number;
    inLane?: boolean;
    holder?: number | null;
  },
): Promise<Beginning[]> {
  const [first, last] = bounds(eventIds);
  const { rows } = await db.query<BeginRow>({
    name: 'begin-attempts',
    text: BEGIN,
    values: [
      eventIds,
      workflowId,
      nowMs,
      first,
      last,
      inLane,
      requestIdOf(first),
      requestIdOf(last),
      holder,
      [...new Set(eventIds.map(requestIdOf))],
    ],
  });
  return rows.map(beginning);
}

function beginning(row: BeginRow): Beginning {
  const eventId = row.id;
  if (row.attempt_id !== null) return { kind: 'begun', attempt: begun(row, row.attempt_id) };
  if (row.settled) return { kind: 'settled', eventId };
  if (row.closed) return { kind: 'cancelled', eventId };
  if (row.laned) return { kind: 'laned', eventId, connectionId: row.connection_id };
  if (!row.due) return { kind: 'later', eventId, dueAtMs: row.next_attempt_at!.getTime() };
  if (row.destination_paused) return { kind: 'held', eventId, gateId: row.destination_id };
  if (row.connection_paused) return { kind: 'held', eventId, gateId: row.connection_id };
  if (row.withheld) return { kind: 'withheld', eventId };
  return { kind: 'busy', eventId };
}

function begun(row: BeginRow, attemptId: string): BegunAttempt {
  return {
    attemptId,
    number: row.number,
    trigger: row.trigger,
    automaticAttempts: row.automatic_attempts,
    automaticAtMs: row.automatic_at?.getTime() ?? null,
    eventId: row.id,
    projectId: row.project_id,
    requestId: row.request_id,
    sourceId: row.source_id,
    connectionId: row.connection_id,
    verified: row.verified,
    remoteAddress: row.remote_address,
    method: row.method,
    path: row.path,
    query: row.query,
    headers: row.headers,
    body: row.body,
  };
}

/** Takes back attempts of which not one byte was sent. */
export async function withdrawAttempts(db: Db, attemptIds: string[]): Promise<void> {
  const [first, last] = bounds(attemptIds);
  await db.query(sql`
    delete from attempts where id = any(${attemptIds}) and id >= ${first} and id <= ${last} and status is null`);
}

/** How an attempt ended, and what becomes of its event; times in ms since 1970. */
export type FinishedAttempt = {
  attemptId: string;
  eventId: string;
  number: number;
  status: AttemptStatus;
  automaticAttempts: number;
  responseStatus: number | null;
  errorCode: string | null;
  message: string | null;
  requestedUrl: string | null;
  httpMethod: string | null;
  responseHeaders: [string, string][] | null;
  responseBody: Buffer;
  bodyTruncated: boolean;
  deliveredAtMs: number | null;
  respondedAtMs: number;
  latencyMs: number | null;
  eventStatus: EventStatus;
  nextAttemptAtMs: number | null;
};

// What somebody decided while the attempt was under way stands, unless it was delivered after all.
const STANDS = `(f.event_status <> 'SUCCESSFUL' and (e.status in ('SUCCESSFUL', 'CANCELLED')
  or e.trigger in ('MANUAL', 'BULK_RETRY') and (f.trigger <> e.trigger or e.next_attempt_at > f.begun_at)))`;

// Whoever retries by hand says whether there is a schedule: one that was ended before is not taken up again by an attempt
// that was under way.
const NEXT = `case when e.trigger not in ('MANUAL', 'BULK_RETRY') or e.automatic_at is not null
  then to_timestamp(f.next_attempt_at / 1000) end`;

// A failure that is heard of after the success changes nothing that the event shows.
const LATE = `(e.status = 'SUCCESSFUL' and f.event_status <> 'SUCCESSFUL')`;

const FINISH = `
  with finished as materialized (
    select o.*, to_timestamp(o.responded_at / 1000) as at,
      substring($2::bytea from o.body_from + 1 for o.body_bytes) as body
    from json_to_recordset($1) as o (attempt_id text, event_id text, number integer, status text, automatic_attempts integer,
      response_status integer, error_code text, message text, requested_url text, http_method text, response_headers json,
      body_from integer, body_bytes integer, body_truncated boolean, delivered_at double precision,
      responded_at double precision, latency integer, event_status text, next_attempt_at double precision)
  ), attempt as (
    update attempts a set status = f.status, response_status = f.response_status, error_code = f.error_code, message = f.message,
      requested_url = f.requested_url, http_method = f.http_method, response_headers = f.response_headers, body = f.body,
      body_truncated = f.body_truncated, delivered_at = to_timestamp(f.delivered_at / 1000), responded_at = f.at,
      response_latency = f.latency, successful_at = case when f.status = 'SUCCESSFUL' then f.at end, updated_at = f.at
    from finished f where a.id = f.attempt_id and a.id = any($3) and a.id >= $4 and a.id <= $5
    returning a.id, a.workflow_id, a.trigger, a.created_at
  ), told as (
    -- of two outcomes of one event the success counts, or else the later attempt
    select distinct on (f.event_id) f.*, a.workflow_id, a.trigger, a.created_at as begun_at
    from finished f join attempt a on a.id = f.attempt_id
    order by f.event_id, f.event_status = 'SUCCESSFUL' desc, f.number desc
  )
  update events e set attempts = greatest(e.attempts, f.number), automatic_attempts = f.automatic_attempts,
    response_status = case when ${LATE} then e.response_status else f.response_status end,
    error_code = case when ${LATE} then e.error_code else f.error_code end,
    last_attempt_at = greatest(e.last_attempt_at, f.at), updated_at = f.at, workflow_id = f.workflow_id,
    automatic_at = case when e.status not in ('SUCCESSFUL', 'CANCELLED') then ${NEXT} end,
    trigger = case when ${STANDS} then e.trigger else 'AUTOMATIC' end,
    status = case when ${STANDS} then e.status else f.event_status end,
    next_attempt_at = case when ${STANDS} then e.next_attempt_at else ${NEXT} end,
    successful_at = case when f.event_status = 'SUCCESSFUL' then f.at else e.successful_at end
  from told f
  where e.id = f.event_id and e.id = any($6) and e.id >= $7 and e.id <= $8`;

/** Writes how attempts ended and what becomes of their events, in one statement. */
export async function finishAttempts(db: Db, attempts: FinishedAttempt[]): Promise<void> {
  let bodyFrom = 0;
  const rows = attempts.map((attempt) => {
    const row = {
      attempt_id: attempt.attemptId,
      event_id: attempt.eventId,
      number: attempt.number,
      status: attempt.status,
      automatic_attempts: attempt.automaticAttempts,
      response_status: attempt.responseStatus,
      error_code: attempt.errorCode,
      message: attempt.message,
      requested_url: attempt.requestedUrl,
      http_method: attempt.httpMethod,
      response_headers: attempt.responseHeaders,
      body_from: bodyFrom,
      body_bytes: attempt.responseBody.length,
      body_truncated: attempt.bodyTruncated,
      delivered_at: attempt.deliveredAtMs,
      responded_at: attempt.respondedAtMs,
      latency: attempt.latencyMs,
      event_status: attempt.eventStatus,
      next_attempt_at: attempt.nextAttemptAtMs,
    };
    bodyFrom += attempt.responseBody.length;
    return row;
  });
  await db.query({
    name: 'finish-attempts',
    text: FINISH,
    values: [
      storableJson(rows),
      Buffer.concat(attempts.map((attempt) => attempt.responseBody)),
      ...among(attempts.map((attempt) => attempt.attemptId)),
      ...among(attempts.map((attempt) => attempt.eventId)),
    ],
  });
}
