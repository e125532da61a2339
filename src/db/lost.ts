import sql, { raw, type Sql } from 'sql-template-tag';
import { dispatcherLives } from './outbox.ts';
import { nextAttemptId } from './attempts.ts';
import { among, firstIdAt } from './ids.ts';
import type { Db } from './pool.ts';

/** An event that should be on its way, and what the ids of the workflows that may look after it are made of. */
export type Overdue = {
  id: string;
  workflowId: string;
  dispatchId: string;
  destinationId: string;
  /** Whether it is known what it waits for: its turn, its pace, a gate, the end of its attempt. */
  isKnown: boolean;
};

/** A page of a walk, and the place of its last event; `isLast`: nothing is behind it. */
export type OverduePage = { overdue: Overdue[]; last: string | null; isLast: boolean };

const PAGE = 10_000;

// Whoever has the attempt under way tells how it ended.
const IS_UNDER_WAY = `exists (
  select 1 from attempts a where a.id = ${nextAttemptId('e')} and a.status is null
    and a.created_at > now() - interval '16 minutes' and ${dispatcherLives(raw('a.holder')).text})`;

function pageStatement(page: string): string {
  return `
  with page as materialized (${page}), known as materialized (
    select unnest(event_ids) as id from parked
    where gate in (select destination_id from page union select connection_id from page)
  ), found as (
    select e.id, e.workflow_id as "workflowId", e.dispatch_id as "dispatchId", e.destination_id as "destinationId",
      e.id in (select id from known) or ${IS_UNDER_WAY} as "isKnown"
    from page e where e.waits
  )
  select (select coalesce(json_agg(f), '[]') from found f) as overdue,
    (select place from page order by place collate "C" desc limit 1) as last,
    (select count(*)::integer from page) as rows`;
}

const COLUMNS = 'id, workflow_id, dispatch_id, destination_id, connection_id, attempts';

// By the time they are due, which stands in an index of its own.
const DUE = pageStatement(`
  select ${COLUMNS}, status <> 'HOLD' as waits,
    to_char(next_attempt_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || 'Z ' || id as place
  from events
  where next_attempt_at < now() - make_interval(secs => $2) and lane_key is null
    and (next_attempt_at, id) > (split_part($1, ' ', 1)::timestamptz, split_part($1, ' ', 2))
  order by next_attempt_at, id limit ${PAGE}`);

// New ones have no such time: their ids are walked in order, each once.
const QUEUED = pageStatement(`
  select ${COLUMNS}, status = 'QUEUED' and lane_key is null and next_attempt_at is null as waits, id as place
  from events where id > $1 and id < $2 order by id limit ${PAGE}`);

const STILL = pageStatement(`
  select ${COLUMNS}, status = 'QUEUED' and lane_key is null and next_attempt_at is null as waits, id as place
  from events where id = any($1) and id >= $2 and id <= $3`);

type PageRow = { overdue: Overdue[]; last: string | null; rows: number };

/** Events that have been due for so long, in order, from behind where the last page ended ('' at the beginning). */
export async function pageOfDue(
  db: Db,
  { after, overdueMs }: { after: string; overdueMs: number },
): Promise<OverduePage> {
  const { rows } = await db.query<PageRow>({
    name: 'page-of-due',
    text: DUE,
    values: [after || '-infinity ', overdueMs / 1_000],
  });
  return pageOf(rows[0]!);
}

/** Queued events made before `beforeMs`, in order, from behind where the last page ended. */
export async function pageOfQueued(
  db: Db,
  { after, beforeMs }: { after: string; beforeMs: number },
): Promise<OverduePage> {
  const { rows } = await db.query<PageRow>({
    name: 'page-of-queued',
    text: QUEUED,
    values: [after, firstIdAt('event', beforeMs)],
  });
  return pageOf(rows[0]!);
}

function pageOf({ overdue, last, rows }: PageRow): OverduePage {
  return { overdue, last, isLast: rows < PAGE };
}

/** Those of these events that still wait in the queue. */
export async function stillQueued(db: Db, eventIds: string[]): Promise<Overdue[]> {
  const [ids, first, last] = among(eventIds);
  const { rows } = await db.query<PageRow>({
    name: 'still-queued',
    text: STILL,
    values: [ids, first, last],
  });
  return rows[0]!.overdue;
}

/** Gives events to another workflow, those of them that are still with the one they were found with; returns these. */
export async function adoptEvents(
  db: Db,
  { events, workflowId }: { events: Overdue[]; workflowId: string },
): Promise<string[]> {
  const [ids, first, last] = among(events.map((event) => event.id));
  const olds = events.map((event) => event.workflowId);
  const { rows } = await db.query<{ id: string }>(sql`
    update events e set workflow_id = ${workflowId}
    from unnest(${ids}::text[], ${olds}::text[]) as w (id, old)
    where e.id = w.id and e.workflow_id = w.old and e.id = any(${ids}) and e.id >= ${first} and e.id <= ${last}
      and (e.status in ('QUEUED', 'SCHEDULED') or e.status = 'FAILED' and e.next_attempt_at is not null)
    returning e.id`);
  return rows.map((row) => row.id);
}

/** Connections in whose lanes events wait although nobody looks at them now. */
export async function listUnwatchedLanes(db: Db): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(sql`
    with recursive waiting as (
      (select connection_id from lane_events order by connection_id limit 1)
      union all
      select (select l.connection_id from lane_events l where l.connection_id > w.connection_id order by l.connection_id limit 1)
      from waiting w where w.connection_id is not null
    )
    select connection_id as id from waiting
    where connection_id is not null
      and not exists (select 1 from lanes l where l.connection_id = waiting.connection_id and l.watched_until > now())`);
  return rows.map((row) => row.id);
}

/** A delivery that waits for its turn or its pace. */
export type Waiter = { gateId: string; reason: string; workflowId: string; eventIds: string[] };

/** Deliveries that have waited for so long for their turn or their pace in a workflow of their own, page by page. */
export async function listWaiters(
  db: Db,
  { after, waitedMs, limit }: { after: string; waitedMs: number; limit: number },
): Promise<Waiter[]> {
  const { rows } = await db.query<Waiter>(sql`
    select gate as "gateId", reason, workflow_id as "workflowId", event_ids as "eventIds" from parked
    where reason in ('turn', 'pace') and not unstarted and workflow_id > ${after}
      and parked_at < now() - make_interval(secs => ${waitedMs / 1_000})
    order by workflow_id limit ${limit}`);
  return rows;
}

/** Makes a sweep this process's for so long, or longer where it is already; false where it is another one's. */
export async function holdSweep(
  db: Db,
  { name, holder, forMs }: { name: string; holder: number; forMs: number },
): Promise<boolean> {
  const until: Sql = sql`now() + make_interval(secs => ${forMs / 1_000})`;
  const { rowCount } = await db.query(sql`
    insert into sweeps as s (name, holder, held_until) values (${name}, ${holder}, ${until})
    on conflict (name) do update set holder = excluded.holder, held_until = excluded.held_until
      where s.holder = excluded.holder or s.held_until < now()`);
  return rowCount === 1;
}

/**
 * Notes which namespace holds our workflows. Where it is another one than before, none of them is there: the gates'
 * are started again by whoever finds gates without one. Returns whether it is another one.
 */
export async function noteNamespace(
  db: Db,
  { name, id }: { name: string; id: string },
): Promise<boolean> {
  const { rows } = await db.query<{ changed: boolean }>(sql`
    with before as (
      select namespace_id from temporal_namespaces where name = ${name}
    ), noted as (
      insert into temporal_namespaces (name, namespace_id) values (${name}, ${id})
      on conflict (name) do update set namespace_id = excluded.namespace_id
        where temporal_namespaces.namespace_id <> excluded.namespace_id
    )
    select exists (select 1 from before where namespace_id <> ${id}) as changed`);
  if (!rows[0]!.changed) return false;
  await db.query(
    sql`update destinations set control_started_at = null where deleted_at is null and control_started_at is not null`,
  );
  await db.query(
    sql`update connections set control_started_at = null where deleted_at is null and control_started_at is not null`,
  );
  return true;
}
