import sql from 'sql-template-tag';
import type { Db } from './pool.ts';
import { bounds } from './ids.ts';

/** The first event of a key that has not left its lane. */
export type Head = { key: string; eventId: string };

const HEADS = `
  with recursive heads as (
    (select lane_key, event_id from lane_events where connection_id = $1 order by lane_key, event_id limit 1)
    union all
    select n.lane_key, n.event_id from heads h cross join lateral (
      select lane_key, event_id from lane_events where connection_id = $1 and lane_key > h.lane_key
      order by lane_key, event_id limit 1) n
  ), coming as (
    -- what arrived before and has not been routed may still go in front
    select 'evt_' || substr(min(request_id), 5) as first from outbox where source_id = $2
  )
  select lane_key, event_id from heads, coming
  where lane_key <> all($3) and (coming.first is null or event_id < coming.first)
  limit $4`;

/** The heads of a connection's lanes, without those of the keys named. */
export async function listHeads(
  db: Db,
  {
    connectionId,
    sourceId,
    without,
    limit,
  }: { connectionId: string; sourceId: string; without: string[]; limit: number },
): Promise<Head[]> {
  const { rows } = await db.query<{ lane_key: string; event_id: string }>({
    name: 'list-heads',
    text: HEADS,
    values: [connectionId, sourceId, without, limit],
  });
  return rows.map((row) => ({ key: row.lane_key, eventId: row.event_id }));
}

/** Lets those of these events leave their lanes that are over; one that failed for good leaves only if it may be skipped. */
export async function leaveLanes(
  db: Db,
  { connectionId, heads, skip }: { connectionId: string; heads: Head[]; skip: boolean },
): Promise<string[]> {
  const eventIds = heads.map((head) => head.eventId);
  const [first, last] = bounds(eventIds);
  const { rows } = await db.query<{ event_id: string }>(sql`
    delete from lane_events l
    using unnest(${heads.map((head) => head.key)}::text[], ${eventIds}::text[]) as h (lane_key, event_id)
      left join events e on e.id = h.event_id and e.id = any(${eventIds}) and e.id >= ${first} and e.id <= ${last}
    where l.connection_id = ${connectionId} and l.lane_key = h.lane_key and l.event_id = h.event_id
      and (e.id is null or e.status in ('SUCCESSFUL', 'CANCELLED')
        or e.status = 'FAILED' and e.next_attempt_at is null and (${skip} or e.error_code = 'CANCELLED'))
    returning l.event_id`);
  return rows.map((row) => row.event_id);
}

/** Whether any event of a connection waits for its turn. */
export async function hasLanes(db: Db, connectionId: string): Promise<boolean> {
  const { rows } = await db.query(
    sql`select 1 from lane_events where connection_id = ${connectionId} limit 1`,
  );
  return rows.length > 0;
}

/** Whether an event still has its place in a lane: where it failed for good, those behind it wait. */
export async function isInLane(
  db: Db,
  event: { id: string; connection_id: string; lane_key: string | null },
): Promise<boolean> {
  const { rows } = await db.query(sql`
    select 1 from lane_events
    where connection_id = ${event.connection_id} and lane_key = ${event.lane_key} and event_id = ${event.id}`);
  return rows.length > 0;
}

/** Says that somebody looks at a connection's lanes for so long without being asked; or, with 0, no longer. */
export async function watchLanes(
  db: Db,
  { connectionId, forMs }: { connectionId: string; forMs: number },
): Promise<void> {
  const until = forMs > 0 ? sql`now() + make_interval(secs => ${forMs / 1000})` : sql`null`;
  await db.query(sql`
    insert into lanes (connection_id, watched_until) values (${connectionId}, ${until})
    on conflict (connection_id) do update set watched_until = excluded.watched_until`);
}

/** Those of these connections whose lanes nobody looks at by himself. */
export async function listUnwatched(db: Db, connectionIds: string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(sql`
    select c.id from unnest(${connectionIds}::text[]) as c (id)
    where not exists (select 1 from lanes l where l.connection_id = c.id and l.watched_until > now() + interval '1 second')`);
  return rows.map((row) => row.id);
}
