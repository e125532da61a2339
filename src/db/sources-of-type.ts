import sql from 'sql-template-tag';
import type { Db } from './pool.ts';

/** The ids of the sources of a type that were not deleted, the oldest first. */
export async function listSourcesOfType(db: Db, type: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    sql`select id from sources where type = ${type} and deleted_at is null order by id`,
  );
  return rows.map((row) => row.id);
}
