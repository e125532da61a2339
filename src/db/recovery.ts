import sql, { raw } from 'sql-template-tag';
import type { AttemptTrigger } from '../domain/status.ts';
import { derivedRange, newId } from './ids.ts';
import type { Database, Db } from './pool.ts';
import { bounds } from './ids.ts';
import { GatewayError } from '../domain/errors.ts';
import { SUSPECT } from './suspects.ts';

/** An event that was made due again, with the delivery that may still know it. */
export type RequeuedEvent = {
  id: string;
  destinationId: string;
  deliveryId: string;
  /** The connection in whose lanes it still waits for its turn; its lanes deliver it. */
  laneOf: string | null;
};

type EventRow = {
  id: string;
  connection_id: string;
  destination_id: string;
  dispatch_id: string;
  workflow_id: string;
  in_lane: boolean;
};

// Nobody has found it genuine yet: what was refused, and what was kept before the verdict could be taken.
const UNVERIFIED = raw(
  `(verified is null or coalesce(rejection_cause = 'VERIFICATION_FAILED', false))`,
);

const IN_LANE = raw(`exists (
    select 1 from lane_events l
    where l.connection_id = e.connection_id and l.lane_key = e.lane_key and l.event_id = e.id)`);

const RETURNED = sql`e.id, e.connection_id, e.destination_id, e.dispatch_id, e.workflow_id, ${IN_LANE} as in_lane`;

/**
 * Makes events due now, also those that were delivered; the schedule of automatic retries stays as it was, also where it
 * has not begun. `automatic_at` tells: null where there is none. Those of
 * days that retention is about to remove are left out: the row is locked, so that no day is removed meanwhile.
 */
export async function requeueEvents(
  db: Db,
  {
    projectId,
    eventIds,
    trigger,
  }: { projectId: string; eventIds: string[]; trigger: AttemptTrigger },
): Promise<RequeuedEvent[]> {
  const [first, last] = bounds(eventIds);
  const { rows } = await db.query<EventRow>(sql`
    with kept as materialized (select closed_id from retention for share)
    -- to the millisecond before: whoever asks in the same one is told that it is due
    update events e set status = 'QUEUED', trigger = ${trigger}, next_attempt_at = date_trunc('milliseconds', now()), updated_at = now(),
      automatic_at = case when e.automatic_at is null and e.trigger not in ('MANUAL', 'BULK_RETRY') and e.status in ('QUEUED', 'SCHEDULED', 'HOLD')
        then coalesce(e.next_attempt_at, now()) else e.automatic_at end
    where id = any(${eventIds}) and id >= ${first} and id <= ${last} and project_id = ${projectId}
      and id >= coalesce((select 'evt_' || closed_id from kept), '')
    returning ${RETURNED}`);
  return rows.map(requeued);
}

/**
 * Ends events that wait, and those that failed and hold up their lane: nothing will be sent for them any more.
 * Returns those it ended.
 */
export async function cancelEvents(
  db: Db,
  { projectId, eventIds }: { projectId: string; eventIds: string[] },
): Promise<RequeuedEvent[]> {
  const [first, last] = bounds(eventIds);
  const { rows } = await db.query<EventRow>(sql`
    update events e set status = 'CANCELLED', next_attempt_at = null, automatic_at = null, updated_at = now()
    where id = any(${eventIds}) and id >= ${first} and id <= ${last} and project_id = ${projectId}
      and (status in ('QUEUED', 'SCHEDULED', 'HOLD')
        or status = 'FAILED' and (next_attempt_at is not null or lane_key is not null and ${IN_LANE}))
    returning ${RETURNED}`);
  return rows.map(requeued);
}

function requeued(row: EventRow): RequeuedEvent {
  const child = `delivery/${row.dispatch_id}/${row.destination_id}`;
  const deliveryId = row.workflow_id.startsWith('delivery/') ? row.workflow_id : child;
  return {
    id: row.id,
    destinationId: row.destination_id,
    deliveryId,
    laneOf: row.in_lane ? row.connection_id : null,
  };
}

/**
 * Puts a stored request into the outbox again, for `connectionIds` or, without them, for those that ignored it
 * (for all, where it was rejected). What it has made already is not made again: events' ids are derived.
 */
export function requeueRequest(
  database: Database,
  { requestId, connectionIds }: { requestId: string; connectionIds: string[] | null },
): Promise<void> {
  return database.transaction(async (db) => {
    const closed = await db.query<{ closed: boolean }>(
      sql`select 'req_' || closed_id > ${requestId} as closed from retention for share`,
    );
    if (closed.rows[0]?.closed) throw pastRetention({ request_id: requestId });
    const { rows } = await db.query<{ rejected: boolean; unverified: boolean | null }>(sql`
      select rejection_cause is not null as rejected, ${UNVERIFIED} as unverified
      from requests where id = ${requestId} for update`);
    const ignored = await forgetIgnored(db, { requestId, connectionIds });
    const wanted = connectionIds ?? (rows[0]?.rejected ? null : ignored);
    await db.query(sql`
      update requests set rejection_cause = null, rejection_detail = null, updated_at = now(),
        ignored_count = greatest(0, ignored_count - ${ignored.length})
      where id = ${requestId}`);
    const { rowCount: isUnrouted } = await db.query(
      sql`delete from unrouted where request_id = ${requestId}`,
    );
    // What could not be routed before may be why a process died: it is tried alone.
    const [lane, trials] = isUnrouted ? [SUSPECT, 1] : [null, null];
    await db.query(sql`
      insert into outbox as o (request_id, source_id, connection_ids, unverified, dispatch_id, trials)
      select id, source_id, ${wanted}, ${rows[0]?.unverified ?? false}, ${lane}, ${trials}::smallint from requests where id = ${requestId}
      -- What waits already is claimed anew, for all that was asked for: the fence keeps the former claim out.
      on conflict (request_id) do update set dispatch_id = case when o.trials is not null then ${SUSPECT} end, claimed_by = null, claimed_at = null,
        unverified = o.unverified or excluded.unverified, claims = null,
        connection_ids = case when o.connection_ids is null or excluded.connection_ids is null then null
          else o.connection_ids || excluded.connection_ids end`);
  });
}

/** What retention is about to remove is there to be read, and goes nowhere any more. */
export function pastRetention(data: object): GatewayError {
  const message =
    'This is older than RETENTION_DAYS: it can be read until it is removed, not retried.';
  return new GatewayError('BAD_REQUEST', message, { data });
}

async function forgetIgnored(
  db: Db,
  { requestId, connectionIds }: { requestId: string; connectionIds: string[] | null },
): Promise<string[]> {
  const { rows } = await db.query<{ connection_id: string }>(sql`
    delete from ignored_events where request_id = ${requestId}
      and (${connectionIds}::text[] is null or connection_id = any(${connectionIds}))
    returning connection_id`);
  return rows.map((row) => row.connection_id);
}

/** Takes what a request brought in once more, as a new request to `sourceId`; the first stays as it is. Returns its id. */
export async function copyRequest(
  db: Db,
  {
    requestId,
    sourceId,
    connectionIds,
  }: { requestId: string; sourceId: string; connectionIds: string[] | null },
): Promise<string | null> {
  const id = newId('request');
  const { rowCount } = await db.query(sql`
    with copy as (
      insert into requests (id, project_id, source_id, verified, kind, ingested_at, created_at, updated_at)
      select ${id}, project_id, ${sourceId}, case when ${UNVERIFIED} then null else verified end, kind, now(), now(), now()
      from requests where id = ${requestId} and kind = 'event'
      returning id, verified
    ), data as (
      insert into request_data (id, method, path, query, headers, body, remote_address, origin)
      select copy.id, d.method, d.path, d.query, d.headers, d.body, d.remote_address, d.origin
      from copy, request_data d where d.id = ${requestId}
    )
    insert into outbox (request_id, source_id, connection_ids, unverified)
    select id, ${sourceId}, ${connectionIds}, verified is null from copy`);
  return rowCount ? id : null;
}

/** Whether a request still waits to be routed, and the events it has made. */
export async function readRouted(
  db: Db,
  requestId: string,
): Promise<{ waiting: boolean; eventIds: string[] }> {
  const { from, to } = derivedRange('event', requestId);
  const { rows } = await db.query<{ waiting: boolean; ids: string[] }>(sql`
    select exists (select 1 from outbox where request_id = ${requestId}) as waiting,
      coalesce((select array_agg(id order by id) from events where id >= ${from} and id < ${to}), '{}') as ids`);
  return { waiting: rows[0]!.waiting, eventIds: rows[0]!.ids };
}
