import sql, { raw } from 'sql-template-tag';
import { dispatcherLives } from './outbox.ts';
import type { Db } from './pool.ts';
import { bounds } from './ids.ts';

// Where the server has just started, a dispatcher that lives may not have got round to showing so.
const GONE = sql`(holder is not null and now() - pg_postmaster_start_time() > interval '5 s'
  and not ${dispatcherLives(raw('holder'))})`;

/**
 * Closes attempts whose outcome nobody will ever tell: those of a process that is gone, those that this process
 * (`holder`) left behind, and those older than any attempt lasts. Their events become due again. The caller knows that
 * none of them is under way in this process. Where no process is known, the workflow that began it tells.
 */
export async function closeInterrupted(
  db: Db,
  {
    eventIds,
    workflowId,
    staleMs,
    holder = null,
  }: { eventIds: string[]; workflowId: string; staleMs: number; holder?: number | null },
): Promise<string[]> {
  const [first, last] = bounds(eventIds);
  const { rows } = await db.query<{ id: string }>(sql`
    with closed as (
      update attempts set status = 'FAILED', error_code = 'UNKNOWN', updated_at = now(), responded_at = now(),
        message = 'The worker stopped before it could record the result of this attempt.'
      where event_id = any(${eventIds}) and id >= ${`atm_${first.slice(4)}`} and id <= ${`atm_${last.slice(4)}~`}
        and status is null
        and (holder is null and workflow_id = ${workflowId} or holder = ${holder} or ${GONE} or created_at < now() - make_interval(secs => ${staleMs / 1000}))
      returning event_id, number
    )
    update events e set attempts = c.number, updated_at = now(), last_attempt_at = now()
    from closed c where e.id = c.event_id and e.id = any(${eventIds}) and e.id >= ${first} and e.id <= ${last}
    returning e.id`);
  return rows.map((row) => row.id);
}

/** Marks events whose connection or destination was disabled or deleted as cancelled: nothing will be sent. */
export async function cancelClosed(db: Db, eventIds: string[]): Promise<void> {
  const [first, last] = bounds(eventIds);
  await db.query(sql`
    update events set status = 'FAILED', error_code = 'CANCELLED', next_attempt_at = null, automatic_at = null, updated_at = now()
    where id = any(${eventIds}) and id >= ${first} and id <= ${last} and status not in ('SUCCESSFUL', 'CANCELLED')`);
}
