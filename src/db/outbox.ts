import sql, { raw, type Sql } from 'sql-template-tag';
import type { Db } from './pool.ts';
import { FREED, SUSPECT, TRIAL_ENDED } from './suspects.ts';

// The namespace of advisory locks by which a dispatcher shows that it lives.
const DISPATCHER_LOCKS = 731_820_451;

/** One round of claiming: at most `limit` requests, a fair share for each of the sources that wait. */
export type Claim = {
  dispatchId: string;
  requestIds: string[];
  sourceIds: string[];
  /** Whether the verdict on each was taken when it arrived. */
  verified: boolean;
  /** Where this round ended. */
  lastSourceId: string;
};

const CLAIM = `
  with recursive waiting as (
    (select source_id from outbox where dispatch_id is null and source_id > $3 order by source_id limit 1)
    union all
    -- one step of the index a source, however much waits for it
    select (select o.source_id from outbox o where o.dispatch_id is null and o.source_id > w.source_id order by o.source_id limit 1)
    from waiting w where w.source_id is not null
  ), turn as (
    select source_id from waiting where source_id is not null and (source_id = any($6)) = $7 limit $5
  ), share as (
    select greatest(1, ceil($4::numeric / (select greatest(count(*), 1) from turn)))::integer as n
  ), picked as (
    select o.request_id from turn s cross join lateral (
      select request_id from outbox
      where dispatch_id is null and source_id = s.source_id
      order by request_id limit (select n from share)
      for update skip locked
    ) o limit $4
  )
  update outbox set dispatch_id = $1, claimed_by = $2, claimed_at = now()
  from picked where outbox.request_id = picked.request_id
  returning outbox.request_id, outbox.source_id, outbox.unverified`;

/** Which sources a lane serves: these, or all but these; and from how many it takes in one round. */
export type Lane = { sources: string[]; serves: 'these' | 'others'; maxSources: number };

/**
 * Claims what waits, oldest first within a source, for dispatcher `claimedBy`.
 * `afterSourceId` is where the last round ended ('' for the first): with more sources than one round takes, each
 * gets its turn.
 */
export async function claimRequests(
  db: Db,
  claim: {
    dispatchId: string;
    claimedBy: number;
    afterSourceId: string;
    limit: number;
    lane: Lane;
  },
): Promise<Claim> {
  const { sources, serves, maxSources } = claim.lane;
  const { rows } = await db.query<{ request_id: string; source_id: string; unverified: boolean }>({
    name: 'claim-requests',
    text: CLAIM,
    values: [
      claim.dispatchId,
      claim.claimedBy,
      claim.afterSourceId,
      claim.limit,
      maxSources,
      sources,
      serves === 'these',
    ],
  });
  const sourceIds = [...new Set(rows.map((row) => row.source_id))].toSorted();
  return {
    dispatchId: claim.dispatchId,
    requestIds: rows.map((row) => row.request_id).toSorted(),
    sourceIds,
    verified: rows.every((row) => !row.unverified),
    lastSourceId: sourceIds.at(-1) ?? '',
  };
}

/** How many of a dispatch's requests still wait to be routed. */
export async function countDispatched(
  db: Db,
  { dispatchId, requestIds }: { dispatchId: string; requestIds: string[] },
): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    sql`select count(*)::integer as n from outbox where dispatch_id = ${dispatchId} and request_id = any(${requestIds})`,
  );
  return rows[0]!.n;
}

/** Marks the claim of a request that waits until the one it repeats is routed. */
const BEHIND = 'behind/';

/**
 * Frees what was claimed by dispatchers that no longer live, and what stayed claimed for longer than `staleMs`. What a
 * dead one may have been at is a suspect from now on: one of these requests may be why it died.
 * Safe even if their workflow still runs: routing works only on rows that carry its own dispatch id.
 */
export async function reclaimRequests(db: Db, { staleMs }: { staleMs: number }): Promise<number> {
  const { rowCount } = await db.query(sql`
    update outbox set claimed_by = null, claimed_at = null,
      dispatch_id = case when trials is not null or isdead and not isapart then ${SUSPECT} end,
      trials = case when isdead and not isapart then coalesce(trials, 0) else trials end
    from (
      -- what waits for something else was not under way
      select request_id as id, dispatch_id as held,
        starts_with(dispatch_id, ${BEHIND}) or starts_with(dispatch_id, 'verdict/') as isapart,
        not ${dispatcherLives(raw('o.claimed_by'))} as isdead,
        claimed_at < now() - make_interval(secs => ${staleMs / 1000})
          -- what waits for a key server may wait for hours; whoever waits for it is asked by activities/awaited-keys.ts
          and not starts_with(dispatch_id, 'verdict/') as isstale
      from outbox o where dispatch_id is not null and dispatch_id <> ${SUSPECT}
    ) as c
    where outbox.request_id = c.id and outbox.dispatch_id = c.held and (isdead or isstale)`);
  return rowCount ?? 0;
}

/** Gives back what a dispatcher that ends in order has claimed: none of it is why it ends. */
export async function releaseClaims(db: Db, { claimedBy }: { claimedBy: number }): Promise<void> {
  await db.query(sql`
    update outbox set dispatch_id = ${FREED}, claimed_by = null, claimed_at = null, ${TRIAL_ENDED}
    where dispatch_id is not null and claimed_by = ${claimedBy}`);
}

/** Takes requests out of their dispatch that repeat one whose turn has not come: they are claimed anew a little later. */
export async function setBehind(
  db: Db,
  { dispatchId, requestIds }: { dispatchId: string; requestIds: string[] },
): Promise<void> {
  await db.query(sql`
    update outbox set dispatch_id = ${BEHIND + dispatchId}, claimed_at = now(), ${TRIAL_ENDED}
    where dispatch_id = ${dispatchId} and request_id = any(${requestIds})`);
}

/** Frees those that were set behind others a while ago; returns how many. */
export async function freeBehind(db: Db, { afterMs }: { afterMs: number }): Promise<number> {
  const { rowCount } = await db.query(sql`
    update outbox set dispatch_id = ${FREED}, claimed_by = null, claimed_at = null
    where dispatch_id is not null and starts_with(dispatch_id, ${BEHIND})
      and claimed_at < now() - make_interval(secs => ${afterMs / 1000})`);
  return rowCount ?? 0;
}

/** Whether a dispatcher lives. */
export async function isDispatcherAlive(db: Db, id: number): Promise<boolean> {
  const { rows } = await db.query<{ lives: boolean }>(
    sql`select ${dispatcherLives(raw(`${Math.trunc(id)}`))} as lives`,
  );
  return rows[0]!.lives;
}

/** The condition that the dispatcher whose number stands in `column` lives: some session of this database holds its lock. */
export function dispatcherLives(column: Sql): Sql {
  return sql`exists (
    select 1 from pg_locks
    where locktype = 'advisory' and classid = ${raw(`${DISPATCHER_LOCKS}`)} and objid = ${column}::oid and granted
      and database = (select oid from pg_database where datname = current_database()))`;
}

/** Shows, for as long as this session lasts, that dispatcher `id` lives; false where another session does so still. */
export async function tryDispatcherLock(db: Db, id: number): Promise<boolean> {
  const { rows } = await db.query<{ held: boolean }>(
    sql`select pg_try_advisory_lock(${DISPATCHER_LOCKS}, ${id}) as held`,
  );
  return rows[0]!.held;
}
