import sql from 'sql-template-tag';
import { readClock } from './clock.ts';
import { firstIdAt } from './ids.ts';
import { DAY_MS, DAYS_AHEAD, listDays } from './partitions.ts';
import type { Database, Db } from './pool.ts';

/** How far retention has come, and how many days it still has to go. */
export type Closed = { day: number; daysBehind: number };

const RETENTION_LOCK = 7_318_204_513;
// A day is looked through once, from end to end; nothing waits for it.
export const THOROUGH = { statementMs: 600_000, lockMs: 10_000 };

/**
 * Moves on the day before which everything is settled and removed: to where PostgreSQL's clock says, but by one day an
 * hour. A clock that was set, or a gateway that was off for weeks, takes nobody's events at once: what is due goes out
 * first, and whoever looks has time to see what happens. A clock that was set back lets days go again.
 */
export function closeDays(
  database: Database,
  { retentionDays }: { retentionDays: number },
): Promise<Closed> {
  return database.transaction(async (db) => {
    await db.query(sql`select pg_advisory_xact_lock(${RETENTION_LOCK})`);
    const nowMs = await readClock(db);
    const wanted = Math.floor((nowMs - retentionDays * DAY_MS) / DAY_MS);
    const { rows } = await db.query<{ day: number; rested: boolean }>(sql`
      select closed_day as day, advanced_at <= now() - interval '55 minutes' or advanced_at > now() as rested
      from retention for update`);
    const [row] = rows;
    const first = row ? wanted : Math.min(wanted, (await listDays(db))[0] ?? wanted);
    const next = row === undefined ? first : row.day + (row.rested ? 1 : 0);
    const day = Math.min(wanted, next);
    if (day !== row?.day) await save(db, day);
    return { day, daysBehind: wanted - day };
  });
}

async function save(db: Db, day: number): Promise<void> {
  const id = firstIdAt('request', day * DAY_MS).slice('req_'.length);
  await db.query(sql`
    insert into retention (closed_day, closed_id, advanced_at) values (${day}, ${id}, now())
    on conflict (only_one) do update
      set closed_day = excluded.closed_day, closed_id = excluded.closed_id, advanced_at = excluded.advanced_at`);
}

/** Where it stands, without moving it; null before it was first looked at. */
export async function readClosedDay(db: Db): Promise<number | null> {
  const { rows } = await db.query<{ day: number }>(sql`select closed_day as day from retention`);
  return rows[0]?.day ?? null;
}

/**
 * The days with partitions that are to be settled and dropped, the oldest first: those before `closedDay`, and those
 * that only a clock that was far ahead can have made, once they have been known for as long as days are kept.
 */
export async function expiredDays(
  database: Database,
  { closedDay, retentionDays }: { closedDay: number; retentionDays: number },
): Promise<number[]> {
  const days = await listDays(database);
  const today = Math.floor((await readClock(database)) / DAY_MS);
  const ahead = days.filter((day) => day > today + DAYS_AHEAD);
  await database.query(sql`
    insert into days_ahead (day) select unnest(${ahead}::integer[]) on conflict do nothing`);
  await database.query(sql`delete from days_ahead where day <> all(${ahead}::integer[])`);
  const { rows } = await database.query<{ day: number }>(sql`
    select day from days_ahead where seen_at < now() - make_interval(days => ${retentionDays + 1})`);
  const known = new Set(rows.map((row) => row.day));
  return days.filter((day) => day < closedDay || known.has(day));
}

/** What was ended because its day is over. */
export type Settled = { events: number; requests: number; laneConnectionIds: string[] };

/**
 * Ends what still waits of a day that is over: its events are cancelled, and its requests rejected, with a cause that
 * names retention. What has its time yet to come, or was worked on since yesterday, is left as it is.
 */
export function settleDay(database: Database, day: number): Promise<Settled> {
  return database.transaction(async (db) => {
    const events = await cancelOpen(db, day);
    const requests = await rejectWaiting(db, day);
    const laneConnectionIds = events > 0 ? await leaveLanes(db, day) : [];
    if (events > 0) await forgetParked(db, day);
    await closeAttempts(db, day);
    return { events, requests, laneConnectionIds };
  }, THOROUGH);
}

/** No attempt lasts an hour: whoever made these is gone. */
async function closeAttempts(db: Db, day: number): Promise<void> {
  const [from, to] = idsOf('attempt', day);
  await db.query(sql`
    update attempts set status = 'FAILED', error_code = 'CANCELLED_PAST_RETENTION', updated_at = now(),
      message = 'The result of this attempt was still unknown when its retention ended.'
    where id >= ${from} and id < ${to} and status is null and created_at < now() - interval '1 hour'`);
}

/** A range of ids: all that was made on one day. */
function idsOf(kind: 'request' | 'event' | 'attempt', day: number): [string, string] {
  return [firstIdAt(kind, day * DAY_MS), firstIdAt(kind, (day + 1) * DAY_MS)];
}

const IS_OPEN = sql`(status in ('QUEUED', 'SCHEDULED', 'HOLD') or status = 'FAILED' and next_attempt_at is not null)`;
const AT_WORK = sql`(coalesce(next_attempt_at > now(), false) or updated_at > now() - interval '1 day')`;

async function cancelOpen(db: Db, day: number): Promise<number> {
  const [from, to] = idsOf('event', day);
  const { rowCount } = await db.query(sql`
    update events set status = 'CANCELLED', error_code = 'CANCELLED_PAST_RETENTION', next_attempt_at = null,
      automatic_at = null, updated_at = now()
    where id >= ${from} and id < ${to} and ${IS_OPEN} and not ${AT_WORK}`);
  return rowCount ?? 0;
}

async function rejectWaiting(db: Db, day: number): Promise<number> {
  const [from, to] = idsOf('request', day);
  const detail = {
    reason: 'PAST_RETENTION',
    hint: 'it was still to be routed when its day was beyond RETENTION_DAYS',
  };
  const { rowCount } = await db.query(sql`
    with waiting as (
      delete from outbox where request_id >= ${from} and request_id < ${to}
        and (claimed_at is null or claimed_at < now() - interval '1 hour')
      returning request_id
    )
    update requests r set rejection_cause = 'PAST_RETENTION', rejection_detail = ${JSON.stringify(detail)}::jsonb,
      updated_at = now()
    from waiting w where r.id = w.request_id and r.id >= ${from} and r.id < ${to}`);
  return rowCount ?? 0;
}

/** Those cancelled hold up nobody behind them; returns the connections whose lanes may go on. */
async function leaveLanes(db: Db, day: number): Promise<string[]> {
  const [from, to] = idsOf('event', day);
  const { rows } = await db.query<{ connection_id: string }>(sql`
    with gone as (
      delete from lane_events l using events e
      where l.event_id >= ${from} and l.event_id < ${to} and e.id = l.event_id and e.id >= ${from} and e.id < ${to}
        and e.error_code = 'CANCELLED_PAST_RETENTION'
      returning l.connection_id
    )
    select distinct connection_id from gone`);
  return rows.map((row) => row.connection_id);
}

/** What waits for a gate waits without them; where nothing is left, nothing waits. */
async function forgetParked(db: Db, day: number): Promise<void> {
  const [from, to] = idsOf('event', day);
  await db.query(sql`
    with left_over as (
      select p.ctid as place, array(
          select unnested.id from unnest(p.event_ids) as unnested (id)
          where unnested.id < ${from} or unnested.id >= ${to} or not exists (
            select 1 from events e where e.id = unnested.id and e.error_code = 'CANCELLED_PAST_RETENTION')
        ) as event_ids
      from parked p where exists (select 1 from unnest(p.event_ids) as id where id >= ${from} and id < ${to})
    ), emptied as (
      delete from parked p using left_over l where p.ctid = l.place and cardinality(l.event_ids) = 0
    )
    update parked p set event_ids = l.event_ids from left_over l
    where p.ctid = l.place and cardinality(l.event_ids) > 0`);
}

/**
 * Whether a day that is over may be dropped: nothing of it waits or is under way, and what retention has ended could
 * be seen for a day.
 */
export function isDone(database: Database, day: number): Promise<boolean> {
  const [from, to] = idsOf('event', day);
  const [fromRequest, toRequest] = idsOf('request', day);
  const [fromAttempt, toAttempt] = idsOf('attempt', day);
  return database.transaction(async (db) => {
    const { rows } = await db.query<{ busy: boolean }>(sql`
      select exists (select 1 from outbox where request_id >= ${fromRequest} and request_id < ${toRequest})
        or exists (select 1 from events where id >= ${from} and id < ${to}
          and (${IS_OPEN} or error_code = 'CANCELLED_PAST_RETENTION' and updated_at > now() - interval '1 day'))
        or exists (select 1 from requests where id >= ${fromRequest} and id < ${toRequest}
          and rejection_cause = 'PAST_RETENTION' and updated_at > now() - interval '1 day')
        or exists (select 1 from attempts where id >= ${fromAttempt} and id < ${toAttempt}
          and status is null and created_at > now() - interval '1 hour') as busy`);
    return !rows[0]!.busy;
  }, THOROUGH);
}
