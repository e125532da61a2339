import sql, { raw, type Sql } from 'sql-template-tag';
import type { Db } from './pool.ts';

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

/**
 * Frees what was claimed by dispatchers that no longer live, and what stayed claimed for longer than `staleMs`.
 * Safe even if their workflow still runs: routing works only on rows that carry its own dispatch id.
 */
export async function reclaimRequests(db: Db, { staleMs }: { staleMs: number }): Promise<number> {
  const { rowCount } = await db.query(sql`
    update outbox set dispatch_id = null, claimed_by = null, claimed_at = null
    where dispatch_id is not null
      -- what waits for a key server may wait for hours; whoever waits for it is asked by activities/awaited-keys.ts
      and (claimed_at < now() - make_interval(secs => ${staleMs / 1000}) and not starts_with(dispatch_id, 'verdict/')
        or not ${dispatcherLives(raw('outbox.claimed_by'))})`);
  return rowCount ?? 0;
}

/** The condition that the dispatcher whose number stands in `column` lives: some session of this database holds its lock. */
export function dispatcherLives(column: Sql): Sql {
  return sql`exists (
    select 1 from pg_locks
    where locktype = 'advisory' and classid = ${DISPATCHER_LOCKS} and objid = ${column}::oid and granted
      and database = (select oid from pg_database where datname = current_database()))`;
}

/** Shows, for as long as this session lasts, that dispatcher `id` lives; false where another session does so still. */
export async function tryDispatcherLock(db: Db, id: number): Promise<boolean> {
  const { rows } = await db.query<{ held: boolean }>(
    sql`select pg_try_advisory_lock(${DISPATCHER_LOCKS}, ${id}) as held`,
  );
  return rows[0]!.held;
}
