import sql, { type Sql } from 'sql-template-tag';
import { type NamedRow, namedRows } from './named-rows.ts';
import type { Db } from './pool.ts';

export type SourceRow = NamedRow & {
  /** Until when a provider's handshake may hand over the secret. */
  setup_until: Date | null;
};

const rows = namedRows<SourceRow>('sources');

export const sources = {
  ...rows,
  /** As for every named row; a source without credentials is set up anew if it had some, or another (auth) type. */
  async update(db: Db, row: Parameters<typeof rows.update>[1]): Promise<SourceRow | null> {
    const { auth_type: authType = null } = row.config as { auth_type?: string | null };
    const opens = sql`${row.auth}::bytea is null
      and (auth is not null or type <> ${row.type} or config ->> 'auth_type' is distinct from ${authType}::text)`;
    await db.query(
      sql`update sources set setup_until = ${setupEnd(SETUP_MINUTES)} where id = ${row.id} and ${opens}`,
    );
    return rows.update(db, row);
  },
};

/** How long a new source is open to the handshake that hands over its secret. */
export const SETUP_MINUTES = 60;

/** Lets a provider's handshake hand over the source's secret for so many minutes from now on. */
export async function openSetup(
  db: Db,
  { id, minutes }: { id: string; minutes: number },
): Promise<void> {
  await db.query(
    sql`update sources set setup_until = ${setupEnd(minutes)}, updated_at = now() where id = ${id}`,
  );
}

function setupEnd(minutes: number): Sql {
  return sql`now() + make_interval(mins => ${minutes})`;
}

/** Disables a source, and its connections with it: the same time on both says that they belong together. */
export async function disableSource(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update sources set disabled_at = coalesce(disabled_at, now()), updated_at = now() where id = ${id}`,
  );
  await db.query(
    sql`update connections c set disabled_at = s.disabled_at, updated_at = now() from sources s
        where s.id = ${id} and c.source_id = s.id and c.disabled_at is null and c.deleted_at is null`,
  );
}

/** Enables a source, and the connections that were disabled with it; those disabled on their own stay so. */
export async function enableSource(db: Db, id: string): Promise<void> {
  await db.query(
    sql`update connections c set disabled_at = null, updated_at = now() from sources s
        where s.id = ${id} and c.source_id = s.id and c.disabled_at = s.disabled_at and c.deleted_at is null`,
  );
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
