import type { RejectionCause, RequestKind } from '../domain/status.ts';
import { claimKey } from './claims.ts';
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
  /** What its URL began with for the sender, where a proxy said so and it is not the usual. */
  origin?: string | null;
  verified: boolean | null;
  rejectionCause: RejectionCause | null;
  rejectionDetail: unknown;
  receivedAtMs: number;
};

/** What makes a request the same as another: the sender's own id, or a signature seen before. SHA-256, with its end. */
export type OnceKey = { hash: Buffer; expiresAtMs: number };
/** What a request claims when it is routed; `replay`: a signature, no id. */
export type LaterClaim = OnceKey & { replay: boolean };

export type Arrival = {
  request: NewRequest;
  /** A repeat of this key is not stored: the first request stands for it. */
  idempotency: OnceKey | null;
  /** A repeat of one of these is stored, and rejected as a replay when its turn to be routed comes. */
  claims: LaterClaim[];
};

/** What became of a request: it was stored, or `requestId` stands for it. */
export type Stored = { requestId: string; isRepeat: boolean };

// `repeats`: whether it may be a repeat of another.
const ARRIVED = `arrived as materialized (
    select * from json_to_recordset($1) as r (
      id text collate "C", project_id text, source_id text collate "C", kind text, method text, path text, query text,
      headers json, body_from integer, body_bytes integer, remote_address text, origin text, verified boolean, rejection_cause text,
      rejection_detail jsonb, received_at double precision, repeats boolean, claims jsonb)
  )`;

const ALL_FRESH = `fresh as (select * from arrived)`;

// Who comes first is settled in the statement that stores: a claim without its request would lose the next one. The key
// of one that was routed and made no event goes to the next; one that is not routed yet is judged after this one came.
const FIRST_OF_REPEATS = `claimed as (
    insert into claims as c (key, owner, expires_at)
    select key, owner, to_timestamp(until / 1000)
    from json_to_recordset($3) as w (key uuid, owner text collate "C", until double precision)
    on conflict (key) do update set owner = excluded.owner, expires_at = excluded.expires_at
      where c.expires_at < now() or (
        not exists (select 1 from outbox o where o.request_id = c.owner)
        and exists (select 1 from requests r where r.id = c.owner and r.events_count = 0))
    returning owner
  ), fresh as (
    select * from arrived where not repeats or id in (select owner from claimed)
  )`;

const STORE = `narrow as (
    insert into requests (id, project_id, source_id, kind, verified, rejection_cause, rejection_detail, ingested_at, created_at, updated_at)
    select id, project_id, source_id, kind, verified, rejection_cause, rejection_detail, t, t, t
    from fresh, to_timestamp(received_at / 1000) as t
  ), wide as (
    insert into request_data (id, method, path, query, headers, body, remote_address, origin)
    select id, method, path, query, headers, substring($2::bytea from body_from + 1 for body_bytes), remote_address, origin from fresh
  ), waiting as (
    insert into outbox (request_id, source_id, unverified, claims)
    select id, source_id, verified is null, claims from fresh where rejection_cause is null and kind = 'event'
  )`;

/**
 * Stores requests, and puts those that are to be routed into the outbox, in one statement; a repeat of an idempotency
 * key is not stored. What became of each stands in their order.
 * The bodies travel as one block of bytes: an array of bytea would be written out in hex twice.
 */
export async function insertRequests(db: Db, arrivals: Arrival[]): Promise<Stored[]> {
  const claims = claimsOf(arrivals);
  const { name, fresh } = claims.length > 0 ? INSERT_FIRST : INSERT;
  const { rows } = await db.query<{ id: string }>({
    name,
    text: `with ${ARRIVED}, ${fresh}, ${STORE} select id from fresh`,
    values: [
      storableJson(rowsOf(arrivals)),
      Buffer.concat(arrivals.map((a) => a.request.body)),
      ...(claims.length > 0 ? [JSON.stringify(claims)] : []),
    ],
  });
  const kept = new Set(rows.map((row) => row.id));
  const repeats = arrivals.filter(({ request }) => !kept.has(request.id));
  const firsts = repeats.length > 0 ? await findFirsts(db, repeats) : new Map<string, string>();
  return arrivals.map(({ request: { id } }) =>
    kept.has(id)
      ? { requestId: id, isRepeat: false }
      : { requestId: firsts.get(id) ?? id, isRepeat: true },
  );
}

const INSERT = { name: 'insert-requests', fresh: ALL_FRESH };
const INSERT_FIRST = { name: 'insert-keyed-requests', fresh: FIRST_OF_REPEATS };

function rowsOf(arrivals: Arrival[]) {
  let bodyFrom = 0;
  return arrivals.map(({ request, idempotency, claims }) => {
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
      origin: request.origin ?? null,
      verified: request.verified,
      rejection_cause: request.rejectionCause,
      rejection_detail: request.rejectionDetail ?? null,
      received_at: request.receivedAtMs,
      repeats: idempotency !== null,
      claims: claims.length > 0 ? claims.map(claimRow) : null,
    };
    bodyFrom += request.body.length;
    return row;
  });
}

/** A claim as it travels in the outbox. */
export function claimRow({ hash, expiresAtMs, replay }: LaterClaim) {
  return { hash: hash.toString('base64'), until: expiresAtMs, replay };
}

/**
 * What these requests claim at once; of equal keys the first request's. In one order everywhere: nobody waits for each
 * other in a circle.
 */
function claimsOf(arrivals: Arrival[]) {
  const claims = new Map<string, { key: string; owner: string; until: number }>();
  for (const { request, idempotency } of arrivals) {
    if (!idempotency) continue;
    const key = claimKey(request.sourceId, idempotency.hash);
    const before = claims.get(key);
    if (before && before.owner <= request.id) continue;
    claims.set(key, { key, owner: request.id, until: idempotency.expiresAtMs });
  }
  return [...claims.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** The requests that stand for the idempotency keys of repeats, by the repeats' own ids. */
async function findFirsts(db: Db, repeats: Arrival[]): Promise<Map<string, string>> {
  const wanted = repeats.flatMap(({ request, idempotency }) =>
    idempotency ? [{ id: request.id, key: claimKey(request.sourceId, idempotency.hash) }] : [],
  );
  const { rows } = await db.query<{ id: string; owner: string }>({
    name: 'find-first-requests',
    text: 'select w.id, c.owner from json_to_recordset($1) as w (id text, key uuid) join claims c on c.key = w.key',
    values: [JSON.stringify(wanted)],
  });
  return new Map(rows.map((row) => [row.id, row.owner]));
}
