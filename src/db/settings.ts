import sql from 'sql-template-tag';
import type { Db } from './pool.ts';

/** The settings by which this server may forget a commit when power fails. */
export async function unsafeSettings(db: Db): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    sql`select name from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off'`,
  );
  return rows.map((row) => row.name);
}
