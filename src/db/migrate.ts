import { readdir, readFile } from 'node:fs/promises';
import sql, { raw } from 'sql-template-tag';
import type { Database } from './pool.ts';

const FOLDER = new URL('./migrations/', import.meta.url);
// Any constant: two processes that start together must not migrate together.
const MIGRATION_LOCK = 7_318_204_511;

/** Applies the migrations that this database lacks, each in a transaction of its own; returns their names. */
export async function migrate(database: Database): Promise<string[]> {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).toSorted();
  const applied: string[] = [];
  for (const name of files) {
    const text = await readFile(new URL(name, FOLDER), 'utf8');
    if (await applyOnce(database, { name, text })) applied.push(name);
  }
  return applied;
}

function applyOnce(
  database: Database,
  { name, text }: { name: string; text: string },
): Promise<boolean> {
  // However long another process migrates, and however much there is to change: a migration cut short never ends.
  const limits = { statementMs: 0, lockMs: 0 };
  return database.transaction(async (db) => {
    await db.query(sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    await db.query(
      sql`create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())`,
    );
    const { rowCount } = await db.query(sql`select 1 from migrations where name = ${name}`);
    if (rowCount) return false;
    await db.query(raw(text));
    await db.query(sql`insert into migrations (name) values (${name})`);
    return true;
  }, limits);
}
