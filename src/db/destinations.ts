import sql from 'sql-template-tag';
import { type NamedRow, namedRows } from './named-rows.ts';
import type { Db } from './pool.ts';

export type DestinationRow = NamedRow & { paused_at: Date | null; epoch: number };

export const destinations = namedRows<DestinationRow>('destinations');

export async function disableDestination(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update destinations set disabled_at = coalesce(disabled_at, now()), updated_at = now() where id = ${id}`,
  );
}

export async function enableDestination(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update destinations set disabled_at = null, updated_at = now() where id = ${id}`,
  );
}

/** Marks a destination as deleted, and its connections with it. */
export async function deleteDestination(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update destinations set deleted_at = now(), updated_at = now() where id = ${id} and deleted_at is null`,
  );
  await db.query(
    sql`update connections set deleted_at = now(), updated_at = now()
        where destination_id = ${id} and deleted_at is null`,
  );
}
