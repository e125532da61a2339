import sql from 'sql-template-tag';
import { type NamedRow, namedRows } from './named-rows.ts';
import type { Db } from './pool.ts';

export type DestinationRow = NamedRow & {
  paused_at: Date | null;
  pause_reason: string | null;
  epoch: number;
  /** Sealed; null while it uses those of the project. */
  signing_secrets: Buffer | null;
  disabled_reason: string | null;
  held_until: Date | null;
  /** The URL that asked for it. */
  held_url: string | null;
};

export const destinations = namedRows<DestinationRow>('destinations');

export async function disableDestination(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update destinations set disabled_at = coalesce(disabled_at, now()), updated_at = now() where id = ${id}`,
  );
}

export async function enableDestination(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update destinations set disabled_at = null, disabled_reason = null, held_until = null, held_url = null, updated_at = now() where id = ${id}`,
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

/** Disables a destination whose receiver is gone, if it still has this URL and is enabled; whether it did. */
export async function disableGone(
  db: Db,
  { id, url, reason }: { id: string; url: string; reason: string },
): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    update destinations set disabled_at = now(), disabled_reason = ${reason}, updated_at = now()
    where id = ${id} and disabled_at is null and config->>'url' = ${url}`);
  return (rowCount ?? 0) > 0;
}

/** Lets nothing out to a destination for so long, if it still has this URL. */
export async function holdDestination(
  db: Db,
  { id, url, ms }: { id: string; url: string; ms: number },
): Promise<void> {
  await db.query(sql`
    update destinations d set held_url = ${url}, updated_at = now(),
      held_until = greatest(case when held_url = ${url} then held_until end, now() + make_interval(secs => ${ms / 1000}))
    where id = ${id} and config->>'url' = ${url}`);
}
