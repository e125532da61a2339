import sql, { raw } from 'sql-template-tag';
import { ParkReason } from '../domain/control.ts';
import type { Db } from './pool.ts';
import { bounds } from './ids.ts';
import { dispatcherLives } from './outbox.ts';

/** A workflow that waits at a gate, and which of its events do; `unstarted`: it is to be started when their turn comes. */
export type Parked = { workflowId: string; eventIds: string[]; unstarted: boolean };

/** What an insert into `parked` does where the workflow waits at the gate already: it waits with these events, too. */
export const PARKED_ALREADY = `on conflict (gate, reason, workflow_id) do update set woken_at = null, parked_at = now(),
      event_ids = array(select unnest(parked.event_ids) union select unnest(excluded.event_ids))`;

const HOLD = `
  with wanted as materialized (
    select event_id, gate from unnest($2::text[], $3::text[]) as w (event_id, gate)
  ), shut_destinations as (
    select id from destinations where id = any($3) and paused_at is not null for share
  ), shut_connections as (
    select id from connections where id = any($3) and paused_at is not null for share
  ), held as materialized (
    select w.event_id, w.gate from wanted w
    where w.gate in (select id from shut_destinations union all select id from shut_connections)
  ), row as (
    insert into parked (gate, reason, workflow_id, event_ids)
    select gate, 'paused', $1, array_agg(event_id order by event_id) from held group by gate
    ${PARKED_ALREADY}
  ), marked as (
    update events e set status = 'HOLD', workflow_id = $1, updated_at = now(),
      trigger = case when e.trigger in ('MANUAL', 'BULK_RETRY') then e.trigger else 'UNPAUSE' end
    from held h where e.id = h.event_id and e.id = any($2) and e.id >= $4 and e.id <= $5 and e.status not in ('SUCCESSFUL', 'CANCELLED')
  )
  select event_id from held`;

/**
 * Holds events at the gates that stopped them, where these are still shut, and returns which are held.
 * The gate's row is locked against opening meanwhile: whoever opens it afterwards finds what was parked.
 */
export async function holdEvents(
  db: Db,
  {
    workflowId,
    held,
  }: {
    workflowId: string;
    held: readonly { eventId: string; gateId: string }[];
  },
): Promise<string[]> {
  const eventIds = held.map((event) => event.eventId);
  const { rows } = await db.query<{ event_id: string }>({
    name: 'hold-events',
    text: HOLD,
    values: [workflowId, eventIds, held.map((event) => event.gateId), ...bounds(eventIds)],
  });
  return rows.map((row) => row.event_id);
}

/** Lets a workflow wait at a gate for its turn or its pace; with a `place` it had before, it keeps that. */
export async function parkEvents(
  db: Db,
  parked: {
    workflowId: string;
    gateId: string;
    reason: ParkReason;
    eventIds: string[];
    place: string | null;
    unstarted?: boolean;
  },
): Promise<void> {
  await db.query({
    name: 'park-events',
    text: `insert into parked (gate, reason, workflow_id, event_ids, place, unstarted)
           values ($1, $2, $3, $4, coalesce($5::bigint, nextval('parked_places')), $6)
           ${PARKED_ALREADY}`,
    values: [
      parked.gateId,
      parked.reason,
      parked.workflowId,
      parked.eventIds,
      parked.place,
      parked.unstarted ?? false,
    ],
  });
}

/** Clears what says that these events of a workflow wait; returns the place it had, if any. */
export async function clearParked(
  db: Db,
  { workflowId, eventIds }: { workflowId: string; eventIds: string[] },
): Promise<string | null> {
  const { rows } = await db.query<{ place: string | null }>({
    name: 'clear-parked',
    text: `
      with gone as (
        delete from parked where workflow_id = $1 and event_ids <@ $2 returning place
      ), left_over as (
        update parked set event_ids = array(select unnest(event_ids) except select unnest($2::text[]))
        where workflow_id = $1 and event_ids && $2 and not event_ids <@ $2 returning place
      )
      select min(place) as place from (select place from gone union all select place from left_over) as p`,
    values: [workflowId, eventIds],
  });
  return rows[0]?.place ?? null;
}

type TakenRow = { workflow_id: string; event_ids: string[]; place: string; unstarted: boolean };

// The first ones are found once, whatever the plan: looked for row by row, more would be taken than are returned.
const TAKE = `
  with first_ones as materialized (
    select workflow_id from parked p
    where gate = $1 and reason = $2 and woken_at is null
      and (reason <> 'paused'
        or not exists (select 1 from destinations where id = $1 and paused_at is not null and deleted_at is null and disabled_at is null)
        and not exists (select 1 from connections where id = $1 and paused_at is not null and deleted_at is null and disabled_at is null))
    order by place limit $3 for update skip locked
  )
  update parked set woken_at = now(), woken_by = $4
  from first_ones f
  where parked.gate = $1 and parked.reason = $2 and parked.workflow_id = f.workflow_id
  returning parked.workflow_id, parked.event_ids, parked.place, parked.unstarted`;

/**
 * Takes the first workflows of those that wait at a gate, to be woken by the process with the number `wokenBy`; none
 * where the gate is shut.
 */
export async function takeParked(
  db: Db,
  {
    gateId,
    reason,
    limit,
    wokenBy,
  }: { gateId: string; reason: ParkReason; limit: number; wokenBy: number | null },
): Promise<Parked[]> {
  const { rows } = await db.query<TakenRow>({
    name: 'take-parked',
    text: TAKE,
    values: [gateId, reason, limit, wokenBy],
  });
  const inOrder = rows.toSorted((a, b) => Number(a.place) - Number(b.place));
  return inOrder.map((row) => ({
    workflowId: row.workflow_id,
    eventIds: row.event_ids,
    unstarted: row.unstarted,
  }));
}

/** Puts one that was taken and could not be woken back into line, in the place it had. */
export async function returnParked(
  db: Db,
  { gateId, reason, workflowId }: { gateId: string; reason: ParkReason; workflowId: string },
): Promise<void> {
  await db.query(sql`
    update parked set woken_at = null
    where gate = ${gateId} and reason = ${reason} and workflow_id = ${workflowId}`);
}

const JOIN = `
  with line as (
    select workflow_id, sum(cardinality(event_ids)) over (order by place) as events from parked
    where gate = $1 and reason = $4 and unstarted and woken_at is null
      and split_part(workflow_id, '/', 3) = split_part($2, '/', 3)
    order by place limit $3
  ), taken as (
    -- where it is gone meanwhile, nobody would take the others along
    select 1 from parked where gate = $1 and reason = $4 and workflow_id = $2 for update
  ), joined as (
    delete from parked p using line, taken
    where p.gate = $1 and p.reason = $4 and p.workflow_id = line.workflow_id and line.events <= $3
      and p.unstarted and p.woken_at is null
    returning p.event_ids
  )
  update parked set event_ids = event_ids || array(select unnest(event_ids) from joined)
  where gate = $1 and reason = $4 and workflow_id = $2
  returning event_ids`;

/** Lets those that are next and have the same destination go along with one that was taken, up to so many events more; returns all of its events. */
export async function joinParked(
  db: Db,
  {
    gateId,
    reason,
    workflowId,
    most,
  }: { gateId: string; reason: ParkReason; workflowId: string; most: number },
): Promise<string[]> {
  const { rows } = await db.query<{ event_ids: string[] }>({
    name: 'join-parked',
    text: JOIN,
    values: [gateId, workflowId, most, reason],
  });
  return rows[0]?.event_ids ?? [];
}

/** Events that were held wait no longer: they are queued again, and due, which is how they are found if they are lost. */
export async function requeueHeld(db: Db, eventIds: string[]): Promise<void> {
  const [first, last] = bounds(eventIds);
  await db.query(sql`update events set status = 'QUEUED', updated_at = now(),
      next_attempt_at = coalesce(next_attempt_at, date_trunc('milliseconds', now()))
    where id = any(${eventIds}) and id >= ${first} and id <= ${last} and status = 'HOLD'`);
}

/** How many workflows were woken lately that have not begun to work. */
export async function countWoken(
  db: Db,
  { gateId, reason, withinMs }: { gateId: string; reason: ParkReason; withinMs: number },
): Promise<number> {
  const { rows } = await db.query<{ n: number }>(sql`
    select count(*)::integer as n from parked
    where gate = ${gateId} and reason = ${reason} and woken_at > now() - make_interval(secs => ${withinMs / 1000})`);
  return rows[0]!.n;
}

/** Forgets a workflow that is no more. */
export async function dropParked(db: Db, workflowId: string): Promise<void> {
  await db.query(sql`delete from parked where workflow_id = ${workflowId}`);
}

/** Wake-ups that came to nothing count as not sent. */
export async function resetLostWakes(db: Db, { afterMs }: { afterMs: number }): Promise<void> {
  await db.query(sql`
    update parked set woken_at = null where woken_at < now() - make_interval(secs => ${afterMs / 1000})`);
}

/** Wake-ups of processes that no longer live count as not sent; returns how many at each gate. Waking twice is safe. */
export async function resetWakesOfTheDead(
  db: Db,
): Promise<{ gateId: string; reason: ParkReason; workflows: number }[]> {
  const { rows } = await db.query<{ gate: string; reason: ParkReason; n: number }>(sql`
    with lost as (
      update parked set woken_at = null, woken_by = null
      where woken_at is not null and woken_by is not null and not ${dispatcherLives(raw('woken_by'))}
      returning gate, reason
    )
    select gate, reason, count(*)::integer as n from lost group by gate, reason`);
  return rows.map(({ gate, reason, n }) => ({ gateId: gate, reason, workflows: n }));
}

/** Gates that have been open for a while although something waits at them; gates where turns have not moved for a while. */
export async function listNeglected(
  db: Db,
  { openMs, turnMs }: { openMs: number; turnMs: number },
): Promise<{ gateId: string; reason: ParkReason }[]> {
  const { rows } = await db.query<{ gate: string; reason: ParkReason }>(sql`
    select distinct p.gate, p.reason from parked p
      left join destinations d on d.id = p.gate
      left join connections c on c.id = p.gate
    where p.woken_at is null and (
      p.reason = ${ParkReason.Paused} and (
        coalesce(d.paused_at, c.paused_at) is null
          -- who opened it wakes what waits there, slowly at first
          and coalesce(d.updated_at, c.updated_at) < now() - make_interval(secs => ${openMs / 1000})
        or coalesce(d.deleted_at, d.disabled_at, c.deleted_at, c.disabled_at) is not null)
      or p.reason = ${ParkReason.Turn} and p.parked_at < now() - make_interval(secs => ${turnMs / 1000})
        and not coalesce(d.held_until > now() and d.held_url = d.config->>'url', false))`);
  return rows.map((row) => ({ gateId: row.gate, reason: row.reason }));
}

/** Events that are held at no gate any more, by the workflow that held them and the one that would deliver them. */
export type Forgotten = {
  workflowId: string;
  dispatchId: string;
  destinationId: string;
  eventIds: string[];
};

/** Held events that no row stands for although their gates are open. */
export async function listForgotten(
  db: Db,
  { afterMs }: { afterMs: number },
): Promise<Forgotten[]> {
  const { rows } = await db.query<Forgotten>(sql`
    with known as materialized (
      select unnest(p.event_ids) as id from parked p
        left join destinations d on d.id = p.gate
        left join connections c on c.id = p.gate
      where p.reason = ${ParkReason.Paused} and coalesce(d.paused_at, c.paused_at) is null
    )
    select e.workflow_id as "workflowId", e.dispatch_id as "dispatchId", e.destination_id as "destinationId",
      array_agg(e.id order by e.id) as "eventIds"
    from projects t join events e on e.project_id = t.id and e.noted_status = 'HOLD'
      join destinations d on d.id = e.destination_id
      join connections c on c.id = e.connection_id
    where d.paused_at is null and c.paused_at is null and e.updated_at < now() - make_interval(secs => ${afterMs / 1000})
      and not exists (select 1 from known k where k.id = e.id)
    group by e.workflow_id, e.dispatch_id, e.destination_id limit 100`);
  return rows;
}

/** Destinations at which deliveries wait for their turn. */
export async function listLines(db: Db): Promise<string[]> {
  const { rows } = await db.query<{ gate: string }>(
    sql`select distinct gate from parked where reason = ${ParkReason.Turn}`,
  );
  return rows.map((row) => row.gate);
}
