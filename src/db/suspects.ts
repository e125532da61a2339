import sql, { raw } from 'sql-template-tag';
import type { Claim } from './outbox.ts';
import type { Db } from './pool.ts';

/** What stands in place of a dispatch on the row of a request whose process died: no lane but the suspects' claims it. */
export const SUSPECT = 'suspect';

/** So often a request may be begun alone and not end before it is set apart. */
export const MOST_TRIALS = 3;

/** The dispatch of a row that is freed: none, or the suspects' lane's. */
export const FREED = raw(`case when trials is not null then '${SUSPECT}' end`);

/** A trial that has ended in order counts for nothing. */
export const TRIAL_ENDED = raw(
  `trials = case when trial_of = dispatch_id then trials - 1 else trials end, trial_of = null`,
);

/** How a request of a dispatch stands: how often it was begun and did not end (null: it is no suspect), and by whom last. */
export type Trial = { id: string; trials: number | null; trialOf: string | null };

/** So many that were never begun since go together. */
export const SUSPECTS_TOGETHER = 16;

const CLAIM = `
  with next as (
    select trials from outbox where dispatch_id = '${SUSPECT}' and trials <= $3 order by trials, request_id limit 1
  ), picked as (
    select o.request_id from outbox o
    where o.dispatch_id = '${SUSPECT}' and o.trials = (select trials from next)
    order by o.trials, o.request_id limit (select case when trials = 0 then $4::integer else 1 end from next)
    for update skip locked
  )
  update outbox set dispatch_id = $1, claimed_by = $2, claimed_at = now()
  from picked where outbox.request_id = picked.request_id
  returning outbox.request_id, outbox.source_id, outbox.unverified`;

/**
 * Claims suspects for a dispatch of their own: a few of those that were never begun since, or one that was, the least
 * suspicious first. `risky`: also those during which a process has died twice.
 */
export async function claimSuspects(
  db: Db,
  {
    dispatchId,
    claimedBy,
    risky,
    limit = SUSPECTS_TOGETHER,
  }: { dispatchId: string; claimedBy: number; risky: boolean; limit?: number },
): Promise<Claim> {
  const { rows } = await db.query<{ request_id: string; source_id: string; unverified: boolean }>({
    name: 'claim-suspects',
    text: CLAIM,
    values: [dispatchId, claimedBy, risky ? 32_767 : 0, limit],
  });
  const sourceIds = [...new Set(rows.map((row) => row.source_id))].toSorted();
  return {
    dispatchId,
    requestIds: rows.map((row) => row.request_id).toSorted(),
    sourceIds,
    verified: rows.every((row) => !row.unverified),
    lastSourceId: sourceIds.at(-1) ?? '',
  };
}

/** Notes that work on suspects begins. `counts` is false for those whose last trial is known to have ended. */
export async function beginTrials(
  db: Db,
  { dispatchId, trials }: { dispatchId: string; trials: { id: string; counts: boolean }[] },
): Promise<void> {
  const ids = trials.map((trial) => trial.id);
  const counts = trials.map((trial) => (trial.counts ? 1 : 0));
  await db.query(sql`
    update outbox o set trials = o.trials + w.n, trial_of = ${dispatchId}
    from unnest(${ids}::text[], ${counts}::int[]) as w (id, n)
    where o.request_id = w.id and o.dispatch_id = ${dispatchId}`);
}

/** Notes a request that could not be routed where operators look. */
export async function noteUnrouted(
  db: Db,
  unrouted: { requestId: string; reason: string }[],
): Promise<void> {
  if (unrouted.length === 0) return;
  await db.query(sql`
    insert into unrouted (request_id, reason)
    select id, reason from unnest(${unrouted.map((one) => one.requestId)}::text[], ${unrouted.map((one) => one.reason)}::text[]) as u (id, reason)
    where exists (select 1 from requests r where r.id = u.id and r.rejection_cause = 'ROUTING_FAILED')
    on conflict (request_id) do update set reason = excluded.reason, since = now()`);
}

/** Forgets unrouted requests that are no more. */
export async function forgetUnrouted(db: Db): Promise<void> {
  await db.query(
    sql`delete from unrouted u where not exists (select 1 from requests r where r.id = u.request_id)`,
  );
}
