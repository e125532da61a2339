import sql from 'sql-template-tag';
import type { RejectionCause, RequestKind } from '../domain/status.ts';
import type { Db } from './pool.ts';

/** A request as it arrived; `headers` are pairs in order and case, `path` begins with a slash or is empty, `query` has no question mark. */
export type NewRequest = {
  id: string;
  projectId: string;
  sourceId: string;
  kind: RequestKind;
  method: string;
  path: string;
  query: string;
  headers: [string, string][];
  body: Buffer;
  remoteAddress: string | null;
  verified: boolean | null;
  rejectionCause: RejectionCause | null;
  rejectionDetail: unknown;
  receivedAtMs: number;
};

const INSERT = `
  with arrived as (
    select * from json_to_recordset($1) as r (
      id text, project_id text, source_id text, kind text, method text, path text, query text, headers json,
      body_from integer, body_bytes integer, remote_address text, verified boolean, rejection_cause text,
      rejection_detail jsonb, received_at double precision)
  ), narrow as (
    insert into requests (id, project_id, source_id, kind, verified, rejection_cause, rejection_detail, ingested_at, created_at, updated_at)
    select id, project_id, source_id, kind, verified, rejection_cause, rejection_detail, t, t, t
    from arrived, to_timestamp(received_at / 1000) as t
  ), wide as (
    insert into request_data (id, method, path, query, headers, body, remote_address)
    select id, method, path, query, headers, substring($2::bytea from body_from + 1 for body_bytes), remote_address from arrived
  )
  insert into outbox (request_id, source_id)
  select id, source_id from arrived where rejection_cause is null and kind = 'event'`;

/**
 * Stores requests, and puts those that are to be routed into the outbox, in one statement.
 * The bodies travel as one block of bytes: an array of bytea would be written out in hex twice.
 */
export async function insertRequests(db: Db, requests: NewRequest[]): Promise<void> {
  let bodyFrom = 0;
  const rows = requests.map((request) => {
    const row = {
      id: request.id,
      project_id: request.projectId,
      source_id: request.sourceId,
      kind: request.kind,
      method: request.method,
      path: request.path,
      query: request.query,
      headers: request.headers,
      body_from: bodyFrom,
      body_bytes: request.body.length,
      remote_address: request.remoteAddress,
      verified: request.verified,
      rejection_cause: request.rejectionCause,
      rejection_detail: request.rejectionDetail ?? null,
      received_at: request.receivedAtMs,
    };
    bodyFrom += request.body.length;
    return row;
  });
  await db.query({
    name: 'insert-requests',
    text: INSERT,
    values: [JSON.stringify(rows), Buffer.concat(requests.map((request) => request.body))],
  });
}

/** A key of idempotency that wants to belong to a request. */
export type KeyClaim = { sourceId: string; key: Buffer; requestId: string; expiresAtMs: number };

/**
 * Gives each key to its request, unless an earlier request has it and it has not expired; returns the owner of each,
 * in order. Must run in the transaction that stores the requests: another transaction's claim is waited for.
 */
export async function claimKeys(db: Db, claims: KeyClaim[]): Promise<string[]> {
  const rows = JSON.stringify(
    claims.map((claim) => ({
      source_id: claim.sourceId,
      key: claim.key.toString('hex'),
      request_id: claim.requestId,
      expires_at: claim.expiresAtMs,
    })),
  );
  // Sorted, so that two transactions never wait for each other in a circle.
  await db.query(sql`
    insert into idempotency_keys as k (source_id, key, request_id, expires_at)
    select distinct on (source_id, key) source_id, decode(key, 'hex'), request_id, to_timestamp(expires_at / 1000)
    from json_to_recordset(${rows}) as r (source_id text, key text, request_id text, expires_at double precision)
    order by source_id, key, request_id
    on conflict (source_id, key) do update
      set request_id = excluded.request_id, expires_at = excluded.expires_at
      where k.expires_at < now()`);
  const { rows: owners } = await db.query<{ request_id: string }>(sql`
    select k.request_id
    from rows from (json_to_recordset(${rows}) as (source_id text, key text)) with ordinality as r (source_id, key, n)
    join idempotency_keys k on k.source_id = r.source_id and k.key = decode(r.key, 'hex')
    order by r.n`);
  return owners.map((owner) => owner.request_id);
}

/** Forgets keys that expired; returns how many. */
export async function purgeKeys(db: Db): Promise<number> {
  const { rowCount } = await db.query(sql`delete from idempotency_keys where expires_at < now()`);
  return rowCount ?? 0;
}
