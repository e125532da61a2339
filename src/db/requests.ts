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

/** Why a replay was rejected, as it stands on the request. */
const REPLAYED = {
  reason: 'REPLAYED',
  hint: 'a request with this signature has been taken before',
};

// Signatures are remembered beside the sender's own ids.
const REPLAY = '#replay';

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

// Who comes first is settled in the statement that stores: a claim without its request would lose the next one.
const CLAIMED = `claimed as (
    insert into first_claims as c (scope, key, owner, expires_at)
    select scope, decode(key, 'hex'), owner, to_timestamp(until / 1000)
    from json_to_recordset($3) as wanted (scope text, key text, owner text, until double precision)
    on conflict (scope, key) do update set owner = excluded.owner, expires_at = excluded.expires_at
      where c.expires_at < now()
    returning scope, owner
  ), once as (
    select a.*, a.replays and a.rejection_cause is null
        and a.id not in (select owner from claimed where scope like '%${REPLAY}') as replayed
    from arrived a
    where not a.repeats or a.id in (select owner from claimed where scope not like '%${REPLAY}')
  ), fresh as (
    select *, case when replayed then 'REPLAYED' else rejection_cause end as cause,
      case when replayed then '${JSON.stringify(REPLAYED)}' else rejection_detail end as detail
    from once
  )`;

const ALL_FRESH = `fresh as (select *, rejection_cause as cause, rejection_detail as detail, false as replayed from arrived)`;

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
  const keyed = arrivals.some(({ idempotency, replay }) => idempotency !== null || replay !== null);
  const { rows } = await db.query<{ id: string; replayed: boolean }>({
    name: keyed ? 'insert-keyed-requests' : 'insert-requests',
    text: `with ${ARRIVED}, ${keyed ? CLAIMED : ALL_FRESH}, ${STORE} select id, replayed from fresh`,
    values: [
      storableJson(rowsOf(arrivals)),
      Buffer.concat(arrivals.map((a) => a.request.body)),
      ...(keyed ? [JSON.stringify(claimsOf(arrivals))] : []),
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

/**
 * What these requests claim; of equal keys the first request's. In one order everywhere: nobody waits for each other in
 * a circle.
 */
function claimsOf(arrivals: Arrival[]) {
  const claims = new Map<string, { scope: string; key: string; owner: string; until: number }>();
  const want = (scope: string, { owner, once }: { owner: string; once: OnceKey | null }) => {
    if (!once) return;
    const key = once.hash.toString('hex');
    const name = `${scope} ${key}`;
    const before = claims.get(name);
    if (before && before.owner <= owner) return;
    claims.set(name, { scope, key, owner, until: once.expiresAtMs });
  };
  for (const { request, idempotency, replay } of arrivals) {
    want(request.sourceId, { owner: request.id, once: idempotency });
    want(request.sourceId + REPLAY, { owner: request.id, once: replay });
  }
  return [...claims.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, claim]) => claim);
}

/** The requests that stand for the idempotency keys of repeats, by the repeats' own ids. */
async function findFirsts(db: Db, repeats: Arrival[]): Promise<Map<string, string>> {
  const wanted = repeats.map(({ request, idempotency }) => ({
    id: request.id,
    scope: request.sourceId,
    key: idempotency?.hash.toString('hex'),
  }));
  const { rows } = await db.query<{ id: string; owner: string }>({
    name: 'find-first-requests',
    text: `select w.id, c.owner from json_to_recordset($1) as w (id text, scope text collate "C", key text)
             join first_claims c on c.scope = w.scope and c.key = decode(w.key, 'hex')`,
    values: [JSON.stringify(wanted)],
  });
  return new Map(rows.map((row) => [row.id, row.owner]));
}
