import sql from 'sql-template-tag';
import { ParkReason } from '../domain/control.ts';
import { nextAttemptId } from './attempts.ts';
import { bounds } from './ids.ts';
import type { Db } from './pool.ts';

const PAGE_ROWS = 20;
const PAGE_EVENTS = 1_000;

/**
 * The events that wait behind a gate for their turn in an order, in a pace or in a line, a page at a time. Behind a
 * connection's gate, those of its destination's other connections are among them.
 */
export async function* waitersAt(db: Db, gateId: string): AsyncGenerator<string[]> {
  const { rows } = await db.query<{
    destination: string;
    connection: string;
    has_lanes: boolean;
  }>(sql`
    select destination_id as destination, id as connection,
      exists (select 1 from lane_events l where l.connection_id = connections.id) as has_lanes
    from connections where id = ${gateId} or destination_id = ${gateId}`);
  for (const destinationId of new Set(rows.map((row) => row.destination))) {
    yield* parkedAt(db, { destinationId, reason: ParkReason.Pace });
    yield* parkedAt(db, { destinationId, reason: ParkReason.Turn });
  }
  for (const { connection, has_lanes: hasLanes } of rows) {
    if (hasLanes) yield* inLanesOf(db, connection);
  }
}

/** Whether any event waits so behind a gate. */
export async function hasWaiters(db: Db, gateId: string): Promise<boolean> {
  for await (const _ of waitersAt(db, gateId)) return true;
  return false;
}

async function* parkedAt(
  db: Db,
  { destinationId, reason }: { destinationId: string; reason: ParkReason },
): AsyncGenerator<string[]> {
  for (let after = ''; ;) {
    const { rows } = await db.query<{ workflow_id: string; event_ids: string[] }>(sql`
      select workflow_id, event_ids from parked
      where gate = ${destinationId} and reason = ${reason} and workflow_id > ${after}
      order by workflow_id limit ${PAGE_ROWS}`);
    if (rows.length > 0) yield rows.flatMap((row) => row.event_ids);
    if (rows.length < PAGE_ROWS) return;
    after = rows.at(-1)!.workflow_id;
  }
}

async function* inLanesOf(db: Db, connectionId: string): AsyncGenerator<string[]> {
  for (let key = '', after = ''; ;) {
    const { rows } = await db.query<{ lane_key: string; event_id: string }>(sql`
      select lane_key, event_id from lane_events
      where connection_id = ${connectionId} and (lane_key, event_id) > (${key}, ${after})
      order by lane_key, event_id limit ${PAGE_EVENTS}`);
    if (rows.length > 0) yield rows.map((row) => row.event_id);
    if (rows.length < PAGE_EVENTS) return;
    ({ lane_key: key, event_id: after } = rows.at(-1)!);
  }
}

const HOLD = `
  with shut_destination as materialized (
    -- locked: whoever opens it afterwards finds what is held here
    select 1 from destinations where id = $1 and paused_at is not null for share
  ), shut_connection as materialized (
    select 1 from connections where id = $1 and paused_at is not null for share
  ), shut as materialized (
    select 1 from shut_destination union all select 1 from shut_connection
  ), held as (
    update events e set status = 'HOLD', updated_at = now()
    where e.id = any($2) and e.id >= $3 and e.id <= $4 and e.status = 'QUEUED' and $1 in (e.destination_id, e.connection_id)
      and exists (select 1 from shut)
      and not exists (select 1 from attempts a where a.status is null
        and a.id = ${nextAttemptId('e')})
  )
  select exists (select 1 from shut) as shut`;

/**
 * Holds queued events that wait at a gate anyway, for whatever else they wait; those under way are left. Nobody has to
 * wake them: who delivers them looks at the gate when their turn comes. False where the gate is open.
 */
export async function holdWaiters(
  db: Db,
  { gateId, eventIds }: { gateId: string; eventIds: string[] },
): Promise<boolean> {
  const { rows } = await db.query<{ shut: boolean }>({
    name: 'hold-waiters',
    text: HOLD,
    values: [gateId, eventIds, ...bounds(eventIds)],
  });
  return rows[0]!.shut;
}

/** Those of these events that no gate holds any more are queued again. */
export async function requeueWaiters(db: Db, eventIds: string[]): Promise<void> {
  const [first, last] = bounds(eventIds);
  await db.query(sql`
    update events e set status = 'QUEUED', updated_at = now(),
      next_attempt_at = coalesce(e.next_attempt_at, date_trunc('milliseconds', now()))
    from destinations d, connections c
    where e.id = any(${eventIds}) and e.id >= ${first} and e.id <= ${last} and e.status = 'HOLD'
      and d.id = e.destination_id and d.paused_at is null and c.id = e.connection_id and c.paused_at is null`);
}
