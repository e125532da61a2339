import { setTimeout as sleep } from 'node:timers/promises';
import sql, { raw } from 'sql-template-tag';
import { firstIdAt, type IdKind } from './ids.ts';
import type { Database, Db } from './pool.ts';

const DAY_MS = 86_400_000;
const PARTITION_LOCK = 7_318_204_512;

/** The tables that hold a day in a partition, with the kind of id that divides them and how full their pages are made. */
const PARTITIONED: Omit<Partition, 'day'>[] = [
  { table: 'requests', key: 'id', kind: 'request', fillfactor: 60 },
  { table: 'request_data', key: 'id', kind: 'request', fillfactor: 100 },
  // Each event changes once at least, soon after it is made: there is room for that on its page.
  { table: 'events', key: 'id', kind: 'event', fillfactor: 50 },
  { table: 'event_payloads', key: 'event_id', kind: 'event', fillfactor: 100 },
  { table: 'ignored_events', key: 'request_id', kind: 'request', fillfactor: 100 },
  {
    table: 'transformation_executions',
    key: 'id',
    kind: 'transformationExecution',
    fillfactor: 100,
  },
  { table: 'attempts', key: 'id', kind: 'attempt', fillfactor: 45 },
];

// A day begins empty: by the server's own thresholds, which are shares of a table, it would be vacuumed and analyzed
// every few seconds until it is large. What changes in it mostly stays on its page, and is tidied up there.
const UPKEEP = [
  'autovacuum_vacuum_threshold = 100000',
  'autovacuum_vacuum_insert_threshold = 200000',
  'autovacuum_analyze_threshold = 50000',
  'autovacuum_analyze_scale_factor = 0.5',
].join(', ');

/**
 * Makes the partitions of today and of the `days` that follow, where they are missing: each in a transaction of its
 * own, which waits for nobody long. Who sends meanwhile locks the same tables in another order.
 */
export async function ensurePartitions(
  database: Database,
  { nowMs, days = 3 }: { nowMs: number; days?: number },
): Promise<void> {
  const today = Math.floor(nowMs / DAY_MS);
  for (let day = today; day <= today + days; day++) {
    for (const partition of PARTITIONED) {
      await briefly(database, (db) => ensurePartition(db, { ...partition, day }));
    }
  }
}

/** Drops every partition whose day ended before `beforeMs`, one at a time; returns their names. */
export async function dropPartitions(
  database: Database,
  { beforeMs }: { beforeMs: number },
): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    sql`select c.relname as name from pg_class c join pg_inherits i on i.inhrelid = c.oid
        where i.inhparent = any(${PARTITIONED.map((p) => p.table)}::regclass[]) and c.relname ~ '_[0-9]{8}$'`,
  );
  const last = nameOfDay(Math.floor(beforeMs / DAY_MS));
  const old = rows.map((row) => row.name).filter((name) => name.slice(-8) < last);
  for (const name of old) {
    await briefly(database, (db) => db.query(raw(`drop table if exists "${name}"`)));
  }
  return old;
}

const LOCK_TIMEOUT = '55P03';
const DEADLOCK = '40P01';
const TRIES = 100;
const TRY_AGAIN_MS = 200;

/** Runs a change of tables that gives up rather than let others queue behind it, and tries again a moment later. */
async function briefly(database: Database, change: (db: Db) => Promise<unknown>): Promise<void> {
  for (let n = 1; ; n++) {
    try {
      return await database.transaction(async (db) => {
        await db.query(raw(`set local lock_timeout = '300ms'`));
        await db.query(raw(`set local statement_timeout = '10min'`));
        await db.query(sql`select pg_advisory_xact_lock(${PARTITION_LOCK})`);
        await change(db);
      });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (n === TRIES || (code !== LOCK_TIMEOUT && code !== DEADLOCK)) throw error;
      await sleep(TRY_AGAIN_MS);
    }
  }
}

type Partition = { table: string; key: string; kind: IdKind; fillfactor: number; day: number };

async function ensurePartition(
  db: Db,
  { table, key, kind, fillfactor, day }: Partition,
): Promise<void> {
  const name = `${table}_${nameOfDay(day)}`;
  const { rowCount } = await db.query(sql`select 1 where to_regclass(${name}) is not null`);
  if (rowCount) return;
  // Names and bounds are made here from numbers, never from anybody's text.
  const from = firstIdAt(kind, day * DAY_MS);
  const to = firstIdAt(kind, (day + 1) * DAY_MS);
  const early = `from ${table}_default where ${key} >= '${from}' and ${key} < '${to}'`;
  const { rowCount: isLate } = await db.query(raw(`select 1 ${early} limit 1`));
  const options = `with (fillfactor = ${fillfactor}, ${UPKEEP})`;
  const bounds = `for values from ('${from}') to ('${to}')`;
  if (!isLate) {
    await db.query(raw(`create table ${name} partition of ${table} ${bounds} ${options}`));
    return;
  }
  // A clock that was ahead, or nobody here to make it in time: what came meanwhile lies in the default partition.
  const like = `(like ${table} including defaults including generated)`;
  await db.query(raw(`create table ${name} ${like} ${options}`));
  await db.query(raw(`lock table ${table}_default in access exclusive mode`));
  const columns = await columnsOf(db, table);
  await db.query(
    raw(`with early as (delete ${early} returning ${columns})
         insert into ${name} (${columns}) select ${columns} from early`),
  );
  await db.query(raw(`alter table ${table} attach partition ${name} ${bounds}`));
}

/** The columns of a table that are written, not generated. */
async function columnsOf(db: Db, table: string): Promise<string> {
  const { rows } = await db.query<{ columns: string }>(sql`
    select string_agg(quote_ident(attname), ', ') as columns from pg_attribute
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped and attgenerated = ''`);
  return rows[0]!.columns;
}

function nameOfDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
}
