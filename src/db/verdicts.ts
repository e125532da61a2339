import sql from 'sql-template-tag';
import { RejectionCause } from '../domain/status.ts';
import { claimFirst, type FirstClaim } from './claims.ts';
import type { Database, Db } from './pool.ts';
import { among, bounds } from './ids.ts';
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
  /** What its URL began with, where a proxy said so. */
  origin: string | null;
};

/** The verdict on a request: accepted where there is no cause, and then the keys it claims. */
export type LateVerdict = {
  requestId: string;
  verified: boolean;
  cause: RejectionCause | null;
  detail: unknown;
  claims: FirstClaim[];
};

/** Marks the claim of a request that leaves its dispatch while its verdict cannot be taken. */
const APART = 'verdict/';

/** Those requests of a dispatch whose verdict could not be taken when they arrived, with the size of their bodies. */
export async function listUnverified(
  db: Db,
  { dispatchId, requestIds }: { dispatchId: string; requestIds: string[] },
): Promise<{ id: string; bytes: number }[]> {
  const [first, last] = bounds(requestIds);
  const { rows } = await db.query<{ id: string; bytes: number }>({
    name: 'list-unverified',
    text: `select o.request_id as id, octet_length(d.body) as bytes
           from outbox o join request_data d on d.id = o.request_id and d.id = any($2) and d.id >= $3 and d.id <= $4
           where o.dispatch_id = $1 and o.request_id = any($2) and o.unverified order by o.request_id`,
    values: [dispatchId, requestIds, first, last],
  });
  return rows;
}

/** Requests that still wait for a verdict, as they arrived. */
export async function readUnverified(db: Db, requestIds: string[]): Promise<UnverifiedRequest[]> {
  const [first, last] = bounds(requestIds);
  const { rows } = await db.query<UnverifiedRequest & { source_id: string }>(sql`
    select o.request_id as id, o.source_id, d.method, d.path, d.query, d.headers, d.body, d.origin
    from outbox o join request_data d on d.id = o.request_id and d.id = any(${requestIds}) and d.id >= ${first} and d.id <= ${last}
    where o.request_id = any(${requestIds}) and o.unverified`);
  return rows.map(({ source_id: sourceId, ...row }) => ({ ...row, sourceId }));
}

/**
 * Takes requests out of their dispatch without giving them to another one: what cannot be settled now holds nobody up.
 * They stay claimed by the same dispatcher, so that they are taken up again when it is gone.
 */
export async function setApart(
  db: Db,
  { dispatchId, requestIds }: { dispatchId: string; requestIds: string[] },
): Promise<void> {
  await db.query(sql`
    update outbox set dispatch_id = ${APART + dispatchId}, claimed_at = now()
    where dispatch_id = ${dispatchId} and request_id = any(${requestIds})`);
}

/** Writes late verdicts. What was refused leaves the outbox, and so does what repeats an earlier request. */
export async function settleVerdicts(database: Database, verdicts: LateVerdict[]): Promise<void> {
  if (verdicts.length === 0) return;
  await database.transaction(async (db) => {
    const claims = verdicts.flatMap((verdict) => verdict.claims);
    const owners = claims.length > 0 ? await claimFirst(db, claims) : [];
    const firsts = new Map<string, string>();
    for (const [index, { owner }] of claims.entries()) {
      if (owners[index] !== owner) firsts.set(owner, owners[index]!);
    }
    await write(
      db,
      verdicts.map((verdict) => {
        const first = firsts.get(verdict.requestId);
        return first === undefined ? verdict : repeated(verdict, first);
      }),
    );
  });
}

function repeated(verdict: LateVerdict, first: string): LateVerdict {
  const detail = { reason: RejectionCause.Replayed, hint: `${first} was the first with this id` };
  return { ...verdict, cause: RejectionCause.Replayed, detail };
}

async function write(db: Db, verdicts: LateVerdict[]): Promise<void> {
  const [ids, first, last] = among(verdicts.map((verdict) => verdict.requestId));
  const rows = storableJson(
    verdicts.map(({ requestId, verified, cause, detail }) => ({
      request_id: requestId,
      verified,
      cause,
      detail,
    })),
  );
  await db.query(sql`
    with verdict as materialized (
      select * from json_to_recordset(${rows}) as v (request_id text, verified boolean, cause text, detail jsonb)
    ), refused as (
      delete from outbox o using verdict v where o.request_id = v.request_id and v.cause is not null
    ), accepted as (
      update outbox o set unverified = false,
        dispatch_id = case when starts_with(dispatch_id, ${APART}) then null else dispatch_id end,
        claimed_by = case when starts_with(dispatch_id, ${APART}) then null else claimed_by end
      from verdict v where o.request_id = v.request_id and v.cause is null
    )
    update requests r set verified = v.verified, rejection_cause = v.cause, rejection_detail = v.detail, updated_at = now()
    from verdict v where r.id = v.request_id and r.id = any(${ids}) and r.id >= ${first} and r.id <= ${last}`);
}

/** Notes on a handshake how its question turned out; it is not routed either way. */
export async function noteHandshake(
  db: Db,
  { requestId, verified, detail }: { requestId: string; verified: boolean; detail: unknown },
): Promise<void> {
  await db.query(sql`
    update requests set verified = ${verified}, rejection_detail = ${detail === null ? null : storableJson(detail)}::jsonb,
      updated_at = now()
    where id = ${requestId}`);
}
