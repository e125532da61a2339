import sql from 'sql-template-tag';
import type { Database } from './pool.ts';
import type { Sealer } from './sealing.ts';

/** What an authorization server handed out last. */
export type KeptTokens = {
  refreshToken: string;
  credentials: string;
  accessToken: string;
  expiresAtMs: number;
};

/** The right to use a refresh token up: when it began and when it ends, as PostgreSQL writes both. */
type Lease = { begunAt: string; until: string };

/** Keeps tokens for all processes, encrypted; `key` stands for a destination and the refresh token it was saved with. */
export function createTokenStore({ db, sealer }: { db: Database; sealer: Sealer }) {
  const contextOf = (key: string) => `oauth_tokens/${key}`;
  return {
    async read(key: string): Promise<KeptTokens | null> {
      const { rows } = await db.query<{ tokens: Buffer | null }>(
        sql`select tokens from oauth_tokens where key = ${key}`,
      );
      const sealed = rows[0]?.tokens;
      return sealed ? (sealer.open(sealed, contextOf(key)) as KeptTokens) : null;
    },
    /** Takes the right to use the refresh token up, for so long; null where another has it. */
    async lease(
      key: string,
      { owner, forMs }: { owner: string; forMs: number },
    ): Promise<Lease | null> {
      const { rows } = await db.query<Lease>(sql`
        insert into oauth_tokens as t (key, owner, leased_until)
        values (${key}, ${owner}, now() + make_interval(secs => ${forMs / 1000}))
        on conflict (key) do update set leased_until = excluded.leased_until
          where t.leased_until is null or t.leased_until < now()
        returning now()::text as "begunAt", leased_until::text as until`);
      return rows[0] ?? null;
    },
    /**
     * Keeps new tokens and ends the lease; what was kept for other refresh tokens of the owner goes. A lease may have
     * run out meanwhile: tokens of one that began later stay, because the server gave them out last.
     */
    async save(
      key: string,
      { owner, lease, tokens }: { owner: string; lease: Lease; tokens: KeptTokens },
    ) {
      const sealed = sealer.seal(tokens, contextOf(key));
      await db.query(sql`
        with saved as (
          update oauth_tokens set tokens = ${sealed}, updated_at = ${lease.begunAt}::timestamptz,
            leased_until = case when leased_until = ${lease.until}::timestamptz then null else leased_until end
          where key = ${key} and updated_at <= ${lease.begunAt}::timestamptz
          returning owner, updated_at
        )
        delete from oauth_tokens o using saved s
        where o.owner = ${owner} and o.key <> ${key} and o.updated_at <= s.updated_at`);
    },
    /** Ends the lease, unless another has it by now. */
    async release(key: string, lease: Lease): Promise<void> {
      await db.query(sql`
        update oauth_tokens set leased_until = null
        where key = ${key} and leased_until = ${lease.until}::timestamptz`);
    },
  };
}
