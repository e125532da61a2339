import type { RejectionCause, RequestKind } from '../domain/status.ts';
import type { Db } from './pool.ts';
import { storableJson } from './storable.ts';

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
    values: [storableJson(rows), Buffer.concat(requests.map((request) => request.body))],
  });
}
