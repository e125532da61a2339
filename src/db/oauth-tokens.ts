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
    /** Takes the right to use the refresh token up, for so long; false where another has it. */
    async lease(key: string, { owner, forMs }: { owner: string; forMs: number }): Promise<boolean> {
      const { rowCount } = await db.query(sql`
        insert into oauth_tokens as t (key, owner, leased_until)
        values (${key}, ${owner}, now() + make_interval(secs => ${forMs / 1000}))
        on conflict (key) do update set leased_until = excluded.leased_until
          where t.leased_until is null or t.leased_until < now()`);
      return (rowCount ?? 0) > 0;
    },
    /** Keeps new tokens and ends the lease; what was kept for other refresh tokens of the owner goes. */
    async save(key: string, { owner, tokens }: { owner: string; tokens: KeptTokens }) {
      const sealed = sealer.seal(tokens, contextOf(key));
      await db.query(sql`
        with former as (delete from oauth_tokens where owner = ${owner} and key <> ${key})
        update oauth_tokens set tokens = ${sealed}, leased_until = null, updated_at = now()
        where key = ${key}`);
    },
    async release(key: string): Promise<void> {
      await db.query(sql`update oauth_tokens set leased_until = null where key = ${key}`);
    },
  };
}
