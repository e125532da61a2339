import sql from 'sql-template-tag';
import type { Db } from './pool.ts';

/** Something that may happen once within a scope: whoever claims the key first owns it until it expires. */
export type FirstClaim = { scope: string; key: Buffer; owner: string; expiresAtMs: number };

/**
 * Gives each key to its claimant, unless an earlier owner holds it and has not expired; returns the owner of each,
 * in order. Claims of transactions still under way are waited for. Claiming again what one owns changes nothing.
 */
export async function claimFirst(db: Db, claims: FirstClaim[]): Promise<string[]> {
  const rows = JSON.stringify(
    claims.map((claim) => ({
      scope: claim.scope,
      key: claim.key.toString('hex'),
      owner: claim.owner,
      expires_at: claim.expiresAtMs,
    })),
  );
  // In order, so that two transactions never wait for each other in a circle; of equal ones the oldest owner first.
  await db.query(sql`
    insert into first_claims as c (scope, key, owner, expires_at)
    select distinct on (scope, key) scope, decode(key, 'hex'), owner, to_timestamp(expires_at / 1000)
    from json_to_recordset(${rows}) as r (scope text collate "C", key text collate "C", owner text collate "C", expires_at double precision)
    order by scope, key, owner
    on conflict (scope, key) do update
      set owner = excluded.owner, expires_at = excluded.expires_at
      where c.expires_at < now()`);
  // One that has expired may have been purged in between: it is its claimant's, and the others keep their places.
  const { rows: owners } = await db.query<{ owner: string }>(sql`
    select coalesce(c.owner, r.owner) as owner
    from rows from (json_to_recordset(${rows}) as (scope text, key text, owner text)) with ordinality as r (scope, key, owner, n)
      left join first_claims c on c.scope = r.scope and c.key = decode(r.key, 'hex')
    order by r.n`);
  return owners.map((row) => row.owner);
}

const PURGE_AT_ONCE = 10_000;

/** Forgets claims that expired, some at a time so that no statement runs long; returns how many. */
export async function purgeClaims(db: Db): Promise<number> {
  for (let purged = 0; ;) {
    const { rowCount } = await db.query(sql`
      delete from first_claims where ctid = any(array(
        select ctid from first_claims where expires_at < now() limit ${PURGE_AT_ONCE}))`);
    purged += rowCount ?? 0;
    if ((rowCount ?? 0) < PURGE_AT_ONCE) return purged;
  }
}
