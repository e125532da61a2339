import sql from 'sql-template-tag';
import type { RejectionCause } from '../domain/status.ts';
import type { Db } from './pool.ts';
import { bounds } from './routing.ts';
import { storableJson } from './storable.ts';

/** A request whose verdict is still to be taken, as it arrived. */
export type UnverifiedRequest = {
  id: string;
  sourceId: string;
  method: string;
  path: string;
  query: string;
  headers: [string, string][];
  body: Buffer;
};

/** The verdict on a request: accepted where there is no cause. */
export type LateVerdict = { requestId: string; cause: RejectionCause | null; detail: unknown };

/** Those requests of a dispatch whose verdict could not be taken when they arrived. */
export async function listUnverified(
  db: Db,
  { dispatchId, requestIds }: { dispatchId: string; requestIds: string[] },
): Promise<UnverifiedRequest[]> {
  const [first, last] = bounds(requestIds);
  const { rows } = await db.query<UnverifiedRequest & { source_id: string }>(sql`
    select o.request_id as id, o.source_id, d.method, d.path, d.query, d.headers, d.body
    from outbox o join request_data d on d.id = o.request_id and d.id >= ${first} and d.id <= ${last}
    where o.dispatch_id = ${dispatchId} and o.request_id = any(${requestIds}) and o.unverified`);
  return rows.map(({ source_id: sourceId, ...row }) => ({ ...row, sourceId }));
}

/** Writes late verdicts; what was refused leaves the outbox. */
export async function settleVerdicts(db: Db, verdicts: LateVerdict[]): Promise<void> {
  if (verdicts.length === 0) return;
  const [first, last] = bounds(verdicts.map((verdict) => verdict.requestId));
  const rows = storableJson(
    verdicts.map(({ requestId, cause, detail }) => ({ request_id: requestId, cause, detail })),
  );
  await db.query(sql`
    with verdict as materialized (
      select * from json_to_recordset(${rows}) as v (request_id text, cause text, detail jsonb)
    ), refused as (
      delete from outbox o using verdict v where o.request_id = v.request_id and v.cause is not null
    ), accepted as (
      update outbox o set unverified = false from verdict v where o.request_id = v.request_id and v.cause is null
    )
    update requests r set verified = v.cause is null, rejection_cause = v.cause, rejection_detail = v.detail, updated_at = now()
    from verdict v where r.id = v.request_id and r.id >= ${first} and r.id <= ${last}`);
}
