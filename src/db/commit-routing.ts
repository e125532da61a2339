import type { EventStatus, IgnoredCause, RejectionCause } from '../domain/status.ts';
import { bounds } from './ids.ts';
import { PARKED_ALREADY } from './parked.ts';
import type { Db } from './pool.ts';
import { routed, type RoutedEvent, type RoutedRow } from './routing.ts';
import { storableJson } from './storable.ts';

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
  /** The gate in front of it that is believed to be shut: then it is held there. */
  shutGate: string | null;
  createdAtMs: number;
};
export type NewIgnoredEvent = {
  requestId: string;
  connectionId: string;
  projectId: string;
  cause: IgnoredCause;
  meta: unknown;
  /** Of a filter: the keys that did not match. */
  mismatches?: unknown[];
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

// Where no gate is shut nothing is asked about any.
const NO_GATES = `gates as (select null::text as id)`;

// The rows are locked: whoever opens one of them afterwards finds what is held here.
const SHUT_GATES = `shut_destinations as materialized (
    select id from destinations where id = any($8) and paused_at is not null for share
  ), shut_connections as materialized (
    select id from connections where id = any($8) and paused_at is not null for share
  ), gates as materialized (
    select id from shut_destinations union all select id from shut_connections
  )`;

// What is held waits without a workflow; whoever delivers it is started when the gate opens, under the id that
// `deliveryWorkflowId` makes. A lane has its own.
const PARK_HELD = `parked_held as (
    insert into parked (gate, reason, workflow_id, event_ids, unstarted)
    select w.gate, 'paused', 'delivery/' || $1 || '/' || m.destination_id || '/held', array_agg(m.id order by m.id), true
    from made m join wanted w on w.id = m.id
    where m.status = 'HOLD' and m.lane_key is null
    group by w.gate, m.destination_id
    ${PARKED_ALREADY}
  ), `;

// Whoever looks for lost events walks over new ones as they come: one that is made late lies behind, and is found by
// the time since which it is due.
const DUE_SINCE = `case when status_now = 'QUEUED' and t < now() - interval '20 seconds' then now() end`;

const commitStatement = (gates: string, parked: string) => `
  with live as (
    delete from outbox where dispatch_id = $1 and request_id = any($2) returning request_id
  ), ${gates}, wanted as materialized (
    select e.*, case when g.id is null then e.status else 'HOLD' end as status_now, g.id as gate
    from json_to_recordset($3) as e (id text, project_id text, request_id text, connection_id text, source_id text,
        destination_id text, status text, delivery_group text, lane_key text, has_payload boolean, next_attempt_at double precision,
        shut_gate text collate "C", created_at double precision)
      join live on live.request_id = e.request_id
      left join gates g on g.id = e.shut_gate
  ), made as (
    insert into events (id, project_id, request_id, connection_id, source_id, destination_id, status, trigger, delivery_group,
      lane_key, has_payload, next_attempt_at, dispatch_id, workflow_id, created_at, updated_at)
    select id, project_id, request_id, connection_id, source_id, destination_id, status_now,
      case when gate is null then 'INITIAL' else 'UNPAUSE' end, delivery_group,
      lane_key, has_payload, coalesce(to_timestamp(next_attempt_at / 1000), ${DUE_SINCE}), $1, 'requests/' || $1, t, t
    from wanted cross join lateral to_timestamp(created_at / 1000) as t
    on conflict (id) do nothing
    returning id, request_id, connection_id, destination_id, status, lane_key, next_attempt_at
  ), ${parked}ignored as (
    insert into ignored_events (request_id, connection_id, project_id, cause, meta, mismatches, created_at)
    select i.request_id, i.connection_id, i.project_id, i.cause, i.meta, i.mismatches, to_timestamp(i.created_at / 1000)
    from json_to_recordset($4) as i (request_id text, connection_id text, project_id text, cause text, meta jsonb, mismatches json, created_at double precision)
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
  select id, connection_id, destination_id, status, lane_key, next_attempt_at from made`;

const COMMIT = { name: 'commit-routing', text: commitStatement(NO_GATES, '') };
const COMMIT_HELD = {
  name: 'commit-held-routing',
  text: commitStatement(SHUT_GATES, PARK_HELD),
};

/**
 * Writes what routing decided, in one statement, for those requests only that still carry this dispatch's id,
 * and returns the events it made. What an earlier run of the same dispatch made comes from `listRouted`.
 */
export async function commitRouting(db: Db, plan: RoutingPlan): Promise<RoutedEvent[]> {
  const requestIds = plan.verdicts.map((verdict) => verdict.requestId);
  const gates = [...new Set(plan.events.flatMap((event) => event.shutGate ?? []))];
  const { rows } = await db.query<RoutedRow>({
    ...(gates.length > 0 ? COMMIT_HELD : COMMIT),
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
          mismatches: ignored.mismatches ?? null,
          created_at: ignored.createdAtMs,
        })),
      ),
      storableJson(
        plan.verdicts.map((verdict) => ({
          request_id: verdict.requestId,
          rejection_cause: verdict.rejectionCause,
          rejection_detail: verdict.detail ?? null,
        })),
      ),
      ...bounds(requestIds),
      ...(gates.length > 0 ? [gates] : []),
    ],
  });
  return rows.map(routed);
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
    shut_gate: event.shutGate,
    created_at: event.createdAtMs,
  };
}
