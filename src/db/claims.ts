import { createHash } from 'node:crypto';
import sql from 'sql-template-tag';
import { bounds } from './ids.ts';
import type { Db } from './pool.ts';

/**
 * Something that may happen once within a scope: whoever claims the key first owns it until it expires. `owner` begins
 * with the id of a request. Where a connection is named, only what the owner made for that one counts.
 */
export type FirstClaim = {
  scope: string;
  key: Buffer;
  owner: string;
  expiresAtMs: number;
  connectionId?: string;
};

/** Who owns a key; `isOpen`: it is not settled yet whether the owner makes an event. */
export type Claimed = { owner: string; isOpen: boolean };

/** Where the signatures of a source are remembered, beside its senders' own ids. */
export function replayScope(sourceId: string): string {
  return `${sourceId}#replay`;
}

/** Under which key (hex, 16 bytes) a claim is kept: short, for it is looked up at random. */
export function claimKey(scope: string, key: Buffer): string {
  const digest = createHash('sha256').update(scope).update('\0').update(key).digest();
  return digest.toString('hex', 0, 16);
}

/**
 * Gives each key to its claimant, unless an earlier owner holds it, has not expired, and made an event or may yet make
 * one; returns the owner of each, in order. Claims of transactions still under way are waited for. Claiming again what
 * one owns changes nothing.
 */
export async function claimFirst(db: Db, claims: FirstClaim[]): Promise<Claimed[]> {
  const keyed = claims.map((claim) => ({ ...claim, id: claimKey(claim.scope, claim.key) }));
  const owners = await claimOrFind(db, keyed);
  const lost = keyed.flatMap((claim, n) =>
    owners[n] === claim.owner ? [] : [{ ...claim, n, first: owners[n]! }],
  );
  const answers = owners.map((owner) => ({ owner, isOpen: false }));
  if (lost.length > 0) {
    for (const { n, ...claimed } of await contest(db, lost)) answers[n] = claimed;
  }
  return answers;
}

type Keyed = FirstClaim & { id: string };

async function claimOrFind(db: Db, claims: Keyed[]): Promise<string[]> {
  const rows = JSON.stringify(
    claims.map(({ id, owner, expiresAtMs }) => ({ key: id, owner, expires_at: expiresAtMs })),
  );
  // In order, so that two transactions never wait for each other in a circle; of equal ones the oldest owner first.
  await db.query(sql`
    insert into claims as c (key, owner, expires_at)
    select distinct on (key) key, owner, to_timestamp(expires_at / 1000)
    from json_to_recordset(${rows}) as r (key uuid, owner text collate "C", expires_at double precision)
    order by key, owner
    on conflict (key) do update
      set owner = excluded.owner, expires_at = excluded.expires_at
      where c.expires_at < now()`);
  // One that has expired may have been purged in between: it is its claimant's, and the others keep their places.
  const { rows: owners } = await db.query<{ owner: string }>(sql`
    select coalesce(c.owner, r.owner) as owner
    from rows from (json_to_recordset(${rows}) as (key uuid, owner text)) with ordinality as r (key, owner, n)
      left join claims c on c.key = r.key
    order by r.n`);
  return owners.map((row) => row.owner);
}

// What is known of an owner in one look: where it waits to be routed, it may yet make an event. Of one that is gone with
// its day nothing is known: it counts.
const CONTEST = `
  with lost as materialized (
    select * from json_to_recordset($1) as l (n integer, key uuid, owner text collate "C", expires_at double precision,
      first text collate "C", request_id text collate "C", connection_id text)
  ), judged as materialized (
    select l.*, exists (select 1 from outbox o where o.request_id = l.request_id) as open,
      r.id is not null and (r.events_count = 0 or l.connection_id is not null and not exists (
        select 1 from events e
        where e.connection_id = l.connection_id and e.id >= $4 and e.id <= $5
          and e.id >= 'evt_' || substr(l.request_id, 5) and e.id < 'evt_' || substr(l.request_id, 5) || '~')) as made_none
    from lost l left join requests r on r.id = l.request_id and r.id >= $2 and r.id <= $3
  ), heirs as (
    select distinct on (key) key, owner, first, expires_at from judged where made_none and not open order by key, owner
  ), taken as (
    update claims c set owner = h.owner, expires_at = to_timestamp(h.expires_at / 1000)
    from heirs h where c.key = h.key and c.owner = h.first
    returning c.key, c.owner
  )
  select j.n, coalesce(t.owner, j.first) as owner,
    case when t.owner is null then j.open or j.made_none else t.owner <> j.owner end as open
  from judged j left join taken t on t.key = j.key`;

type Lost = Keyed & { n: number; first: string };

/** Takes keys from owners that made no event: what nobody took must not keep the next one out. */
async function contest(db: Db, lost: Lost[]): Promise<(Claimed & { n: number })[]> {
  const rows = lost.map(({ n, id, owner, expiresAtMs, first, connectionId }) => ({
    n,
    key: id,
    owner,
    expires_at: expiresAtMs,
    first,
    request_id: first.split(':')[0],
    connection_id: connectionId ?? null,
  }));
  const [from, to] = bounds(rows.map((row) => row.request_id!));
  const { rows: found } = await db.query<{ n: number; owner: string; open: boolean }>({
    name: 'contest-claims',
    text: CONTEST,
    values: [JSON.stringify(rows), from, to, `evt_${from.slice(4)}`, `evt_${to.slice(4)}~`],
  });
  return found.map(({ n, owner, open }) => ({ n, owner, isOpen: open }));
}

const PURGE_AT_ONCE = 10_000;

/** Forgets claims that expired, some at a time so that no statement runs long; returns how many. */
export async function purgeClaims(db: Db): Promise<number> {
  for (let purged = 0; ;) {
    const { rowCount } = await db.query(sql`
      delete from claims where ctid = any(array(
        select ctid from claims where expires_at < now() limit ${PURGE_AT_ONCE}))`);
    purged += rowCount ?? 0;
    if ((rowCount ?? 0) < PURGE_AT_ONCE) return purged;
  }
}
