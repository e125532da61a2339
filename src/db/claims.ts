import { createHash } from 'node:crypto';
import sql from 'sql-template-tag';
import type { Db } from './pool.ts';

/** Something that may happen once within a scope: whoever claims the key first owns it until it expires. */
export type FirstClaim = { scope: string; key: Buffer; owner: string; expiresAtMs: number };

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
 * Gives each key to its claimant, unless an earlier owner holds it and has not expired; returns the owner of each,
 * in order. Claims of transactions still under way are waited for. Claiming again what one owns changes nothing.
 */
export async function claimFirst(db: Db, claims: FirstClaim[]): Promise<string[]> {
  const rows = JSON.stringify(
    claims.map(({ scope, key, owner, expiresAtMs }) => ({
      key: claimKey(scope, key),
      owner,
      expires_at: expiresAtMs,
    })),
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
