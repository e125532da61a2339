import sql from 'sql-template-tag';
import { type NamedRow, namedRows } from './named-rows.ts';
import type { Db } from './pool.ts';

export type SourceRow = NamedRow;

export const sources = namedRows<SourceRow>('sources');

/** Disables a source, and its connections with it. */
export async function disableSource(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update sources set disabled_at = coalesce(disabled_at, now()), updated_at = now() where id = ${id}`,
  );
  await db.query(
    sql`update connections set disabled_at = now(), updated_at = now()
        where source_id = ${id} and disabled_at is null and deleted_at is null`,
  );
}

/** Its connections stay as they are: which of them were disabled by hand is not known. */
export async function enableSource(db: Db, id: string): Promise<void> {
  await db.query(sql`update sources set disabled_at = null, updated_at = now() where id = ${id}`);
}

/** Marks a source as deleted, and its connections with it: what they have received stays. */
export async function deleteSource(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update sources set deleted_at = now(), updated_at = now() where id = ${id} and deleted_at is null`,
  );
  await db.query(
    sql`update connections set deleted_at = now(), updated_at = now() where source_id = ${id} and deleted_at is null`,
  );
}
