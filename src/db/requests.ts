import type { RejectionCause, RequestKind } from '../domain/status.ts';
import { claimKey, replayScope } from './claims.ts';
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

/** Why a replay was rejected, as it stands on the request. */
const REPLAYED = {
  reason: 'REPLAYED',
  hint: 'a request with this signature has been taken before',
};

/** What makes a request the same as another: the sender's own id, or a signature seen before. SHA-256, with its end. */
export type OnceKey = { hash: Buffer; expiresAtMs: number };
export type Arrival = {
  request: NewRequest;
  /** A repeat of this key is not stored: the first request stands for it. */
  idempotency: OnceKey | null;
  /** A repeat of this key is stored, and rejected as a replay. */
  replay: OnceKey | null;
};

/** What became of a request: kept as it was judged, kept as a replay, or not kept, for `requestId` stands for it. */
export type Stored = { requestId: string; outcome: 'stored' | 'replayed' | 'repeated' };

// `repeats`, `replays`: whether it may be a repeat or a replay of another.
const ARRIVED = `arrived as materialized (
    select * from json_to_recordset($1) as r (
      id text collate "C", project_id text, source_id text collate "C", kind text, method text, path text, query text,
      headers json, body_from integer, body_bytes integer, remote_address text, verified boolean, rejection_cause text,
      rejection_detail jsonb, received_at double precision, repeats boolean, replays boolean)
  )`;

const ALL_FRESH = `fresh as (select *, rejection_cause as cause, rejection_detail as detail, false as replayed from arrived)`;

// Who comes first is settled in the statement that stores: a claim without its request would lose the next one.
const TAKE_OVER = `on conflict (key) do update set owner = excluded.owner, expires_at = excluded.expires_at
      where c.expires_at < now()`;

const FIRST_OF_REPEATS = `claimed as (
    insert into claims as c (key, owner, expires_at)
    select key, owner, to_timestamp(until / 1000)
    from json_to_recordset($3) as w (key uuid, owner text collate "C", until double precision)
    ${TAKE_OVER} returning owner
  ), fresh as (
    select *, rejection_cause as cause, rejection_detail as detail, false as replayed from arrived
    where not repeats or id in (select owner from claimed)
  )`;

// The same where signatures are remembered too: whose signature was seen before is stored, and rejected.
const FIRST_OF_REPLAYS = `wanted as materialized (
    select * from json_to_recordset($3) as w (key uuid, owner text collate "C", until double precision, replay boolean)
  ), claimed as (
    insert into claims as c (key, owner, expires_at)
    select key, owner, to_timestamp(until / 1000) from wanted
    ${TAKE_OVER} returning key
  ), won as materialized (
    select owner, replay from wanted where key in (select key from claimed)
  ), once as (
    select a.*, a.replays and a.rejection_cause is null
        and a.id not in (select owner from won where replay) as replayed
    from arrived a
    where not a.repeats or a.id in (select owner from won where not replay)
  ), fresh as (
    select *, case when replayed then 'REPLAYED' else rejection_cause end as cause,
      case when replayed then '${JSON.stringify(REPLAYED)}' else rejection_detail end as detail
    from once
  )`;

const STORE = `narrow as (
    insert into requests (id, project_id, source_id, kind, verified, rejection_cause, rejection_detail, ingested_at, created_at, updated_at)
    select id, project_id, source_id, kind, verified, cause, detail, t, t, t
    from fresh, to_timestamp(received_at / 1000) as t
  ), wide as (
    insert into request_data (id, method, path, query, headers, body, remote_address)
    select id, method, path, query, headers, substring($2::bytea from body_from + 1 for body_bytes), remote_address from fresh
  ), waiting as (
    insert into outbox (request_id, source_id, unverified)
    select id, source_id, verified is null from fresh where cause is null and kind = 'event'
  )`;

/**
 * Stores requests, and puts those that are to be routed into the outbox, in one statement; a repeat of an idempotency
 * key is not stored. What became of each stands in their order.
 * The bodies travel as one block of bytes: an array of bytea would be written out in hex twice.
 */
export async function insertRequests(db: Db, arrivals: Arrival[]): Promise<Stored[]> {
  const claims = claimsOf(arrivals);
  const { name, fresh } = claims.length > 0 ? firstOf(claims) : INSERT;
  const { rows } = await db.query<{ id: string; replayed: boolean }>({
    name,
    text: `with ${ARRIVED}, ${fresh}, ${STORE} select id, replayed from fresh`,
    values: [
      storableJson(rowsOf(arrivals)),
      Buffer.concat(arrivals.map((a) => a.request.body)),
      ...(claims.length > 0 ? [JSON.stringify(claims)] : []),
    ],
  });
  const kept = new Map(rows.map((row) => [row.id, row.replayed]));
  const repeats = arrivals.filter(({ request }) => !kept.has(request.id));
  const firsts = repeats.length > 0 ? await findFirsts(db, repeats) : new Map<string, string>();
  return arrivals.map(({ request: { id } }) => {
    const replayed = kept.get(id);
    return replayed === undefined
      ? { requestId: firsts.get(id) ?? id, outcome: 'repeated' }
      : { requestId: id, outcome: replayed ? 'replayed' : 'stored' };
  });
}

const INSERT = { name: 'insert-requests', fresh: ALL_FRESH };

function firstOf(claims: WantedClaim[]): typeof INSERT {
  return claims.some((claim) => claim.replay)
    ? { name: 'insert-guarded-requests', fresh: FIRST_OF_REPLAYS }
    : { name: 'insert-keyed-requests', fresh: FIRST_OF_REPEATS };
}

function rowsOf(arrivals: Arrival[]) {
  let bodyFrom = 0;
  return arrivals.map(({ request, idempotency, replay }) => {
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
      repeats: idempotency !== null,
      replays: replay !== null,
    };
    bodyFrom += request.body.length;
    return row;
  });
}

type WantedClaim = { key: string; owner: string; until: number; replay: boolean };

/**
 * What these requests claim; of equal keys the first request's. In one order everywhere: nobody waits for each other in
 * a circle.
 */
function claimsOf(arrivals: Arrival[]) {
  const claims = new Map<string, WantedClaim>();
  const want = (scope: string, once: OnceKey | null, of: { owner: string; replay: boolean }) => {
    if (!once) return;
    const key = claimKey(scope, once.hash);
    const before = claims.get(key);
    if (!before || of.owner < before.owner)
      claims.set(key, { key, until: once.expiresAtMs, ...of });
  };
  for (const { request, idempotency, replay } of arrivals) {
    want(request.sourceId, idempotency, { owner: request.id, replay: false });
    want(replayScope(request.sourceId), replay, { owner: request.id, replay: true });
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
