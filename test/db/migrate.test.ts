import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import sql, { raw } from 'sql-template-tag';
import { afterAll, expect, inject, test } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import { openDatabase, type Database } from '../../src/db/pool.ts';
import { testDatabase } from '../support/postgres.ts';

const folder = new URL('../../src/db/migrations/', import.meta.url);
const names = (await readdir(folder)).toSorted();
const migrated = await testDatabase();
afterAll(migrated.drop);

async function emptyDatabase(): Promise<Database> {
  const name = `empty_${randomBytes(6).toString('hex')}`;
  await migrated.db.query(raw(`create database ${name} template template0`));
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  const db = openDatabase(url.href, { max: 4, onError: () => {} });
  afterAll(async () => {
    await db.close();
  });
  return db;
}

/** Every column, index and function, in words. */
async function shapeOf(db: Database): Promise<unknown[]> {
  const { rows } = await db.query(sql`
    select table_name || '.' || column_name || ' ' || data_type || is_nullable || coalesce(column_default, '') as it
    from information_schema.columns where table_schema = 'public' and table_name !~ '_\\d{8}$'
    union all select indexdef from pg_indexes where schemaname = 'public' and tablename !~ '_\\d{8}$'
    union all select proname from pg_proc where pronamespace = 'public'::regnamespace
    order by 1`);
  return rows;
}

test('all migrations apply to an empty database, in order, each once', async () => {
  const db = await emptyDatabase();
  expect(await migrate(db)).toEqual(names);
  expect(await migrate(db)).toEqual([]);
  expect(await shapeOf(db)).toEqual(await shapeOf(migrated.db));
});

test('processes that start together migrate once', async () => {
  const db = await emptyDatabase();
  const applied = await Promise.all([migrate(db), migrate(db), migrate(db)]);
  expect(applied.flat().toSorted()).toEqual(names);
});

test('files are numbered without gaps, so that their order is theirs', () => {
  names.forEach((name, index) => {
    expect(name).toMatch(new RegExp(`^${String(index + 1).padStart(4, '0')}_[a-z_]+\\.sql$`));
  });
});

test('no migration waits for a lock without end', async () => {
  for (const name of names) {
    const text = await readFile(new URL(name, folder), 'utf8');
    expect(`${name}:\n${text}`).toMatch(/^set lock_timeout/m);
  }
});
