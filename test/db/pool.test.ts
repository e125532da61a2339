import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { openDatabase, type Db } from '../../src/db/pool.ts';
import { testDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const { url, db, drop } = await testDatabase();
afterAll(drop);

async function backendOf(connection: Db): Promise<number> {
  const { rows } = await connection.query<{ pid: number }>(sql`select pg_backend_pid() as pid`);
  return rows[0]!.pid;
}

async function end(pid: number): Promise<void> {
  await db.query(sql`select pg_terminate_backend(${pid})`);
  await until('its end', async () => {
    const left = await db.query(sql`select 1 from pg_stat_activity where pid = ${pid}`);
    return left.rowCount === 0;
  });
}

test('a connection that breaks inside a transaction fails the transaction, and nothing else', async () => {
  const work = db.transaction(async (inside) => {
    await inside.query(sql`create table lost (n integer)`);
    await end(await backendOf(inside));
    await inside.query(sql`select 1`);
  });
  await expect(work).rejects.toThrow(/connection/);
  const { rows } = await db.query(sql`select to_regclass('lost') as lost`);
  expect(rows).toEqual([{ lost: null }]);
});

test('a connection that breaks while idle is told once, in few words, and replaced', async () => {
  const heard: Error[] = [];
  const other = openDatabase(url, { max: 1, onError: (error) => heard.push(error) });
  await end(await backendOf(other));
  await until('the error', () => heard.length > 0);
  expect(JSON.stringify(heard[0]).length).toBeLessThan(500);
  expect(await backendOf(other)).toBeGreaterThan(0);
  expect(heard).toHaveLength(1);
  await other.close();
});

test('a pool that closes says nothing of connections that are cut off meanwhile', async () => {
  const heard: Error[] = [];
  const other = openDatabase(url, { max: 3, onError: (error) => heard.push(error) });
  const pids = await Promise.all([1, 2, 3].map(() => backendOf(other)));
  const closed = other.close();
  await Promise.all(pids.map(end));
  await closed;
  expect(heard).toEqual([]);
});

test('a steady pool plans a named statement once, and by an index though the table is empty', async () => {
  const steady = openDatabase(url, { max: 1, steady: true, onError: () => {} });
  const statement = 'select id from events where id = $1';
  for (let n = 0; n < 3; n++) {
    await steady.query({ name: 'look', text: statement, values: [`evt_${n}`] });
  }
  const { rows } = await steady.query(sql`
    select generic_plans, custom_plans from pg_prepared_statements where name = 'look'`);
  expect(rows).toEqual([{ generic_plans: '3', custom_plans: '0' }]);
  const plan = await steady.query(sql`explain select id from events where id = 'evt_1'`);
  expect(JSON.stringify(plan.rows)).toMatch(/Index/);
  expect(JSON.stringify(plan.rows)).not.toMatch(/Seq Scan/);
  await steady.close();
});

test('every connection commits durably, whatever the server is set to', async () => {
  const { rows } = await db.query(sql`show synchronous_commit`);
  expect(rows).toEqual([{ synchronous_commit: 'on' }]);
});
