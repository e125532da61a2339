import pg from 'pg';
import sql from 'sql-template-tag';
import { hashOfKey } from './api-keys.ts';
import { clientConfig } from './connect.ts';
import { settleTls } from './tls.ts';

const WITHIN_MS = 5_000;

/** Whether a key opens anything now; `unknown` where the database has never had it, or has forgotten it. */
export type KeyStanding = 'valid' | 'revoked' | 'expired' | 'unknown';

/** Asks a database whether it accepts a key; null where it cannot be asked. */
export async function askKeyStanding(url: string, key: string): Promise<KeyStanding | null> {
  let client: pg.Client | undefined;
  try {
    client = new pg.Client({ ...clientConfig(await settleTls(url)), query_timeout: WITHIN_MS });
    client.on('error', () => {});
    await client.connect();
    return await readStanding(client, key);
  } catch {
    return null;
  } finally {
    await client?.end().catch(() => {});
  }
}

async function readStanding(db: pg.Client, key: string): Promise<KeyStanding> {
  const { rows } = await db.query<{ standing: KeyStanding }>(sql`
    select case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired' else 'valid' end as standing
    from api_keys where hash = ${hashOfKey(key)}`);
  return rows[0]?.standing ?? 'unknown';
}
