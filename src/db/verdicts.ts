import sql from 'sql-template-tag';
import type { RejectionCause } from '../domain/status.ts';
import { claimRow, type LaterClaim } from './requests.ts';
import type { Db } from './pool.ts';
import { among, bounds } from './ids.ts';
import { FREED, TRIAL_ENDED, type Trial } from './suspects.ts';
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

/** The verdict on a request: accepted where there is no cause, and then what it claims when it is routed. */
export type LateVerdict = {
  requestId: string;
  verified: boolean;
  cause: RejectionCause | null;
  detail: unknown;
  claims: LaterClaim[];
};

/** Marks the claim of a request that leaves its dispatch while its verdict cannot be taken. */
const APART = 'verdict/';

/** A request whose verdict is to be taken, with the size of its body. */
export type Unjudged = Trial & { sourceId: string; bytes: number; claimedBy: number | null };

/** Those requests of a dispatch whose verdict could not be taken when they arrived. */
export async function listUnverified(
  db: Db,
  { dispatchId, requestIds }: { dispatchId: string; requestIds: string[] },
): Promise<Unjudged[]> {
  const [first, last] = bounds(requestIds);
  const { rows } = await db.query<Unjudged>({
    name: 'list-unverified',
    text: `select o.request_id as id, o.source_id as "sourceId", octet_length(d.body) as bytes, o.claimed_by as "claimedBy", o.trials, o.trial_of as "trialOf"
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

/** Why a verdict cannot be taken yet. */
export type AwaitedKey = { requestId: string; reason: string; hint: string | null };

/**
 * Takes requests out of their dispatch without giving them to another one: what cannot be settled now holds nobody up,
 * and each says what it waits for. They stay claimed by the same dispatcher, so that they are taken up again when it
 * is gone.
 */
export async function setApart(
  db: Db,
  { dispatchId, awaited }: { dispatchId: string; awaited: AwaitedKey[] },
): Promise<void> {
  const [ids, first, last] = among(awaited.map(({ requestId }) => requestId));
  const rows = storableJson(
    awaited.map(({ requestId, reason, hint }) => ({ request_id: requestId, reason, hint })),
  );
  await db.query(sql`
    with awaited as materialized (
      select * from json_to_recordset(${rows}) as a (request_id text, reason text, hint text)
    ), apart as (
      update outbox set dispatch_id = ${APART + dispatchId}, claimed_at = now(), ${TRIAL_ENDED}
      where dispatch_id = ${dispatchId} and request_id = any(${ids})
      returning request_id
    )
    update requests r set updated_at = now(), rejection_detail = jsonb_build_object('reason', a.reason, 'hint', a.hint,
      'waiting_since', coalesce(r.rejection_detail ->> 'waiting_since', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
    from awaited a join apart on apart.request_id = a.request_id
    where r.id = a.request_id and r.id = any(${ids}) and r.id >= ${first} and r.id <= ${last} and r.rejection_cause is null`);
}

/** The sources of which requests wait for a key, with the oldest and the newest of them. */
export async function listApart(db: Db): Promise<{ sourceId: string; requestIds: string[] }[]> {
  const { rows } = await db.query<{ source_id: string; first: string; last: string }>(sql`
    with recursive apart as (
      (select source_id from outbox where starts_with(dispatch_id, 'verdict/') order by source_id limit 1)
      union all
      select (select o.source_id from outbox o
        where starts_with(o.dispatch_id, 'verdict/') and o.source_id > a.source_id order by o.source_id limit 1)
      from apart a where a.source_id is not null
    )
    select source_id,
      (select min(request_id) from outbox o where starts_with(o.dispatch_id, 'verdict/') and o.source_id = a.source_id) as first,
      (select max(request_id) from outbox o where starts_with(o.dispatch_id, 'verdict/') and o.source_id = a.source_id) as last
    from apart a where source_id is not null`);
  return rows.map(({ source_id: sourceId, first, last }) => ({
    sourceId,
    requestIds: [...new Set([first, last])],
  }));
}

/** The first request of a source from this id on that waits for a key. */
export async function nextApart(
  db: Db,
  { sourceId, from }: { sourceId: string; from: string },
): Promise<string | null> {
  const { rows } = await db.query<{ id: string | null }>(sql`
    select min(request_id) as id from outbox
    where starts_with(dispatch_id, 'verdict/') and source_id = ${sourceId} and request_id >= ${from}`);
  return rows[0]?.id ?? null;
}

/** Lets requests that waited for a key be dispatched again: those of a source up to `upTo`. */
export async function freeApart(
  db: Db,
  { sourceId, upTo = '~' }: { sourceId: string; upTo?: string },
): Promise<number> {
  const { rowCount } = await db.query(sql`
    update outbox set dispatch_id = ${FREED}, claimed_by = null, claimed_at = null
    where starts_with(dispatch_id, 'verdict/') and source_id = ${sourceId} and request_id <= ${upTo}`);
  return rowCount ?? 0;
}

/**
 * Writes late verdicts. What was refused leaves the outbox. Of a body that nobody vouches for `keptBodyBytes` stay; one
 * whose key was not to be had may still be retried.
 */
export async function settleVerdicts(
  db: Db,
  { verdicts, keptBodyBytes }: { verdicts: LateVerdict[]; keptBodyBytes: number },
): Promise<void> {
  if (verdicts.length === 0) return;
  const [ids, first, last] = among(verdicts.map((verdict) => verdict.requestId));
  const rows = storableJson(
    verdicts.map(({ requestId, verified, cause, detail, claims }) => ({
      request_id: requestId,
      verified,
      cause,
      detail,
      claims: claims.length > 0 ? claims.map(claimRow) : null,
    })),
  );
  await db.query(sql`
    with verdict as materialized (
      select * from json_to_recordset(${rows}) as v (request_id text, verified boolean, cause text, detail jsonb, claims jsonb)
    ), large as materialized (
      select d.id, octet_length(d.body) as bytes from request_data d join verdict v on v.request_id = d.id
      where v.cause = 'VERIFICATION_FAILED' and v.detail ->> 'reason' <> 'KEY_UNAVAILABLE'
        and octet_length(d.body) > ${keptBodyBytes} and d.id = any(${ids}) and d.id >= ${first} and d.id <= ${last}
    ), cut as (
      update request_data d set body = substring(d.body for ${keptBodyBytes}) from large l
      where d.id = l.id and d.id = any(${ids}) and d.id >= ${first} and d.id <= ${last}
    ), refused as (
      delete from outbox o using verdict v where o.request_id = v.request_id and v.cause is not null
    ), accepted as (
      update outbox o set unverified = false, claims = v.claims from verdict v where o.request_id = v.request_id and v.cause is null
    )
    update requests r set verified = v.verified, rejection_cause = v.cause, updated_at = now(),
      rejection_detail = case when l.id is null then v.detail else v.detail || jsonb_build_object('body_cut',
        jsonb_build_object('received_bytes', l.bytes, 'kept_bytes', ${keptBodyBytes}::integer)) end
    from verdict v left join large l on l.id = v.request_id where r.id = v.request_id and r.id = any(${ids}) and r.id >= ${first} and r.id <= ${last}`);
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
