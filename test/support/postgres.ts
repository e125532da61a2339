import { randomBytes } from 'node:crypto';
import { raw } from 'sql-template-tag';
import { inject } from 'vitest';
import { ensurePartitions } from '../../src/db/partitions.ts';
import { openDatabase, type Database } from '../../src/db/pool.ts';

/** A database of the test file's own, cloned from the migrated template. */
export type TestDatabase = { url: string; db: Database; drop(): Promise<void> };

export async function testDatabase(): Promise<TestDatabase> {
  const template = new URL(inject('postgresUrl'));
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = new URL(template);
  admin.pathname = '/postgres';
  await withDatabase(admin.href, (db) =>
    db.query(raw(`create database ${name} template "${template.pathname.slice(1)}"`)),
  );
  const url = new URL(template);
  url.pathname = `/${name}`;
  const db = openDatabase(url.href, {
    max: 10,
    waitMs: 60_000,
    onError: (error) => console.error(error),
  });
  await ensurePartitions(db, { nowMs: Date.now(), days: 1 });
  return {
    url: url.href,
    db,
    async drop() {
      await db.close();
      await withDatabase(admin.href, (root) =>
        root.query(raw(`drop database ${name} with (force)`)),
      );
    },
  };
}

async function withDatabase(url: string, work: (db: Database) => Promise<unknown>): Promise<void> {
  const db = openDatabase(url, { max: 1, onError: (error) => console.error(error) });
  try {
    await work(db);
  } finally {
    await db.close();
  }
}
