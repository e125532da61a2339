import sql, { raw } from 'sql-template-tag';
import { afterAll, describe, expect, test } from 'vitest';
import { announceWork, openDispatcherSession } from '../../src/db/outbox-session.ts';
import { openDatabase, type Db } from '../../src/db/pool.ts';
import { testDatabase } from '../support/postgres.ts';
import { openRelay } from '../support/relay.ts';
import { until } from '../support/until.ts';

const { url, db, drop } = await testDatabase();
afterAll(drop);
const database = new URL(url).pathname.slice(1);

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

describe('whatever the URL, the role or the database say', () => {
  const other = (options: string) => {
    const its = new URL(url);
    its.searchParams.set('options', options);
    return openDatabase(its.href, { max: 1, onError: () => {} });
  };

  test('a commit is durable', async () => {
    const pool = other('-c synchronous_commit=off -c work_mem=7MB');
    const { rows } = await pool.query(sql`
      select current_setting('synchronous_commit') as commits, current_setting('work_mem') as memory`);
    expect(rows).toEqual([{ commits: 'on', memory: '7MB' }]);
    await pool.close();
  });

  test.each([
    ['synchronous_commit', 'off', 'on'],
    ['statement_timeout', '700', '30s'],
    ['lock_timeout', '1', '10s'],
    ['idle_session_timeout', '900', '0'],
    ['default_transaction_read_only', 'on', 'off'],
    ['default_transaction_isolation', "'serializable'", 'read committed'],
    ['datestyle', "'German, DMY'", 'ISO, MDY'],
    ['intervalstyle', "'iso_8601'", 'postgres'],
    ['timezone', "'Asia/Tokyo'", 'UTC'],
    ['bytea_output', "'escape'", 'hex'],
    ['standard_conforming_strings', 'off', 'on'],
    ['extra_float_digits', '-3', '1'],
    ['client_encoding', "'latin1'", 'UTF8'],
    ['tcp_user_timeout', '0', '0'],
  ])('%s is ours where a role sets it to %s', async (name, theirs, ours) => {
    await db.query(raw(`alter role current_user in database ${database} set ${name} = ${theirs}`));
    try {
      const pool = openDatabase(url, { max: 1, onError: () => {} });
      const { rows } = await pool.query<{ it: string }>(sql`select current_setting(${name}) as it`);
      expect(rows).toEqual([{ it: ours }]);
      await pool.close();
    } finally {
      await db.query(raw(`alter role current_user in database ${database} reset ${name}`));
    }
  });

  test('a time and bytes are read as they were written', async () => {
    const pool = other('-c datestyle=SQL,DMY -c timezone=Asia/Tokyo -c bytea_output=escape');
    const at = new Date('2031-02-03T04:05:06.789Z');
    const { rows } = await pool.query<{ at: Date; bytes: Buffer }>(
      sql`select ${at}::timestamptz as at, ${Buffer.from([0, 92, 255])}::bytea as bytes`,
    );
    expect(rows).toEqual([{ at, bytes: Buffer.from([0, 92, 255]) }]);
    await pool.close();
  });

  test.each([
    ['-c session_replication_role=replica', /no trigger fires/],
    ['-c search_path=nowhere', /search_path/],
  ])('a session with %s is refused in words', async (options, words) => {
    const pool = other(options);
    await expect(pool.query(sql`select 1`)).rejects.toThrow(words);
    await pool.close();
  });
});

test('a server is asked to notice within seconds that a host has vanished', async () => {
  const overNetwork = new URL(url);
  overNetwork.searchParams.delete('host');
  const pool = openDatabase(overNetwork.href, { max: 1, onError: () => {} });
  const { rows } = await pool.query(sql`
    select current_setting('tcp_keepalives_idle') as idle, current_setting('tcp_keepalives_interval') as every,
      current_setting('tcp_keepalives_count') as count, current_setting('tcp_user_timeout') as unanswered,
      current_setting('idle_in_transaction_session_timeout') as standing_still`);
  expect(rows).toEqual([
    { idle: '5', every: '2', count: '3', unanswered: '10000', standing_still: '20s' },
  ]);
  await pool.close();
});

test('settings by which a server forgets commits are told of with each new connection', async () => {
  const heard: string[][] = [];
  const told = openDatabase(url, {
    max: 1,
    onError: () => {},
    onUnsafe: (settings) => heard.push(settings),
  });
  await told.query(sql`select 1`);
  expect(heard).toEqual([]);
  await told.query(raw('alter system set full_page_writes = off'));
  await told.query(sql`select pg_reload_conf()`);
  try {
    await until('it to be told', async () => {
      const next = openDatabase(url, { max: 1, onError: () => {}, onUnsafe: (s) => heard.push(s) });
      await next.query(sql`select 1`);
      await next.close();
      return heard.length > 0;
    });
    expect(heard[0]).toEqual(['full_page_writes']);
  } finally {
    await told.query(raw('alter system reset full_page_writes'));
    await told.query(sql`select pg_reload_conf()`);
    await told.close();
  }
});

test('a statement that is silent for longer than the server would let it run is given up', async () => {
  const relay = await openRelay(Number(new URL(url).port));
  const through = new URL(url);
  through.searchParams.delete('host');
  through.port = String(relay.port);
  const pool = openDatabase(through.href, { max: 1, statementTimeoutMs: 500, onError: () => {} });
  await pool.query(sql`select 1`);
  relay.fallSilent();
  await expect(pool.query(sql`select 2`)).rejects.toThrow(/timeout/);
  await expect(pool.transaction((inside) => inside.query(sql`select 3`))).rejects.toThrow(
    /timeout/,
  );
  relay.speak();
  expect((await pool.query(sql`select 4 as n`)).rows).toEqual([{ n: 4 }]);
  await pool.close();
  await relay.close();
});

test('a session that listens notices that its server has fallen silent, and hears the next one', async () => {
  const relay = await openRelay(Number(new URL(url).port));
  const through = new URL(url);
  through.searchParams.delete('host');
  through.port = String(relay.port);
  let heard = 0;
  const session = await openDispatcherSession(through.href, {
    onWork: () => heard++,
    onError() {},
  });
  relay.fallSilent();
  relay.speakToNewcomers();
  const news = async () => {
    await announceWork(db);
    return heard;
  };
  const count = await until('news by another connection', news, { withinMs: 50_000 });
  expect(count).toBeGreaterThan(0);
  await session.close();
  await relay.close();
});

test('statements of a transaction may be given limits of their own', async () => {
  const short = openDatabase(url, { max: 1, statementTimeoutMs: 200, onError: () => {} });
  const slow = sql`select pg_sleep(0.6)`;
  await expect(short.query(slow)).rejects.toThrow(/statement timeout/);
  await short.transaction((inside) => inside.query(slow), { statementMs: 5_000, lockMs: 100 });
  const { rows } = await short.query(sql`show statement_timeout`);
  expect(rows).toEqual([{ statement_timeout: '200ms' }]);
  await short.close();
});
