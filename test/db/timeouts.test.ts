import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { isTimeout } from '../../src/db/faults.ts';
import { openDatabase, type Db } from '../../src/db/pool.ts';
import { testDatabase } from '../support/postgres.ts';

const { url, db, drop } = await testDatabase();
const narrow = openDatabase(url, { max: 1, waitMs: 100, onError: () => {} });
afterAll(async () => {
  await narrow.close();
  await drop();
});

async function faultOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

const limited = (limit: string) => async (inside: Db) => {
  await inside.query({ text: limit });
  await inside.query(sql`select pg_advisory_xact_lock(1), pg_sleep(60)`);
};

test('what waits too long for a connection, a lock or its end is told from what is wrong', async () => {
  const faults = await db.transaction(async (inside) => {
    await inside.query(sql`select pg_advisory_xact_lock(1)`);
    return [
      await faultOf(narrow.transaction(limited(`set local lock_timeout = '50ms'`))),
      await faultOf(narrow.transaction(limited(`set local statement_timeout = '50ms'`))),
      await narrow.transaction(() => faultOf(narrow.query(sql`select 1`))),
      await faultOf(narrow.query(sql`select 1 / 0`)),
    ];
  });
  expect(faults.map(isTimeout)).toEqual([true, true, true, false]);
});
