import sql from 'sql-template-tag';
import type { EventStatus } from '../domain/status.ts';
import { bounds } from './ids.ts';
import type { Db } from './pool.ts';
import type { LaterClaim } from './requests.ts';
import { storableJson } from './storable.ts';
import type { Trial } from './suspects.ts';

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

/** A request that waits to be routed; `connectionIds`: a retry is meant for these connections only. */
export type DispatchedRequest = {
  id: string;
  projectId: string;
  sourceId: string;
  connectionIds: string[] | null;
  /** What it has to be the first with. */
  claims: LaterClaim[];
  /** The dispatcher that claimed it. */
  claimedBy: number | null;
} & Trial;

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
    claimed_by: number | null;
    trials: number | null;
    trial_of: string | null;
  }>({
    name: 'list-dispatched',
    text: `select r.id, r.project_id, r.source_id, o.connection_ids, o.claims, o.claimed_by, o.trials, o.trial_of from outbox o join requests r on r.id = o.request_id
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
    claimedBy: row.claimed_by,
    trials: row.trials,
    trialOf: row.trial_of,
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
  /** Whether it waits at a gate that is shut. */
  isHeld: boolean;
};

/** The events an earlier run of this dispatch made from these requests and has not settled. */
export async function listRouted(
  db: Db,
  { dispatchId, requestIds }: { dispatchId: string; requestIds: string[] },
): Promise<RoutedEvent[]> {
  const [first, last] = bounds(requestIds);
  const { rows } = await db.query<RoutedRow>(sql`
    select id, connection_id, destination_id, status, lane_key, next_attempt_at from events
    where dispatch_id = ${dispatchId} and id >= ${eventBound(first)} and id <= ${`${eventBound(last)}~`}
      and status in ('QUEUED', 'SCHEDULED', 'HOLD', 'FAILED')
      and (status <> 'FAILED' or next_attempt_at is not null)`);
  return rows.map(routed);
}

export type RoutedRow = {
  id: string;
  connection_id: string;
  destination_id: string;
  status: EventStatus;
  lane_key: string | null;
  next_attempt_at: Date | null;
};

export function routed(row: RoutedRow): RoutedEvent {
  return {
    id: row.id,
    connectionId: row.connection_id,
    destinationId: row.destination_id,
    lane: row.lane_key === null ? null : row.connection_id,
    // What is queued is due, whatever since.
    dueAtMs: row.status === 'QUEUED' ? null : (row.next_attempt_at?.getTime() ?? null),
    isHeld: row.status === 'HOLD',
  };
}

function eventBound(requestId: string): string {
  return `evt_${requestId.slice(requestId.indexOf('_') + 1)}`;
}
