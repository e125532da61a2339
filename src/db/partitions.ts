import { setTimeout as sleep } from 'node:timers/promises';
import sql, { raw } from 'sql-template-tag';
import { readClock } from './clock.ts';
import { firstIdAt, timeOfId, type IdKind } from './ids.ts';
import type { Database, Db } from './pool.ts';

export const DAY_MS = 86_400_000;
// 9999-12-31: the names of days have four digits for the year.
const LAST_DAY = 2_932_896;
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
 * own, which waits for nobody long. Who sends meanwhile locks the same tables in another order. PostgreSQL's clock
 * says which day it is.
 */
export async function ensurePartitions(
  database: Database,
  { nowMs, days = DAYS_AHEAD }: { nowMs?: number; days?: number } = {},
): Promise<void> {
  const today = Math.floor((nowMs ?? (await readClock(database))) / DAY_MS);
  for (let day = today; day <= today + days; day++) {
    for (const partition of PARTITIONED) {
      await briefly(database, (db) => ensurePartition(db, { ...partition, day }));
    }
  }
}

/** How many days have their partitions ahead of time. */
export const DAYS_AHEAD = 3;

/**
 * Makes partitions for days whose rows lie in the default ones, and moves them there: a clock was off, or nobody was
 * here to make them in time. Returns these days, as days since 1970.
 */
export async function divideStrays(database: Database): Promise<number[]> {
  const days = new Set<number>();
  for (const { table, key, kind } of PARTITIONED) {
    for (const day of await daysInDefault(database, { table, key, kind })) days.add(day);
  }
  for (const day of days) {
    for (const partition of PARTITIONED) {
      await briefly(database, (db) => ensurePartition(db, { ...partition, day }));
    }
  }
  return [...days];
}

/** Which days there are rows of in a default partition: one step of its index for each. */
async function daysInDefault(
  db: Db,
  { table, key, kind }: Pick<Partition, 'table' | 'key' | 'kind'>,
): Promise<number[]> {
  const days: number[] = [];
  for (let from = ''; ;) {
    const { rows } = await db.query<{ id: string | null }>(
      sql`select min(${raw(key)}) as id from ${raw(`${table}_default`)} where ${raw(key)} >= ${from}`,
    );
    const id = rows[0]?.id ?? null;
    const day = id === null ? NaN : Math.floor(timeOfId(id) / DAY_MS);
    // What is no id of ours, or of a year beyond all years, stays where it is.
    if (!(day >= 0 && day <= LAST_DAY)) return days;
    days.push(day);
    from = firstIdAt(kind, (day + 1) * DAY_MS);
  }
}

/** The days that have partitions, as days since 1970, the oldest first. */
export async function listDays(db: Db): Promise<number[]> {
  const { rows } = await db.query<{ day: string }>(sql`
    select distinct right(c.relname, 8) as day from pg_class c join pg_inherits i on i.inhrelid = c.oid
    where i.inhparent = any(${PARTITIONED.map((p) => p.table)}::regclass[]) and c.relname ~ '_[0-9]{8}$'`);
  return rows.map((row) => dayOfName(row.day)).toSorted((a, b) => a - b);
}

/** Drops the partitions of one day, one at a time; returns their names. */
export async function dropDay(database: Database, day: number): Promise<string[]> {
  const names = PARTITIONED.map(({ table }) => `${table}_${nameOfDay(day)}`);
  for (const name of names) {
    await briefly(database, (db) => db.query(raw(`drop table if exists "${name}"`)));
  }
  return names;
}

const LOCK_TIMEOUT = '55P03';
const DEADLOCK = '40P01';
// A row of that day came into the default partition between the look and the making.
const CHECK_VIOLATION = '23514';
const PASSING: unknown[] = [LOCK_TIMEOUT, DEADLOCK, CHECK_VIOLATION];
const TRIES = 100;
const TRY_AGAIN_MS = 200;

/** Runs a change of tables that gives up rather than let others queue behind it, and tries again a moment later. */
async function briefly(database: Database, change: (db: Db) => Promise<unknown>): Promise<void> {
  for (let n = 1; ; n++) {
    try {
      return await database.transaction(
        async (db) => {
          await db.query(sql`select pg_advisory_xact_lock(${PARTITION_LOCK})`);
          await change(db);
        },
        { statementMs: 600_000, lockMs: 300 },
      );
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (n === TRIES || !PASSING.includes(code)) throw error;
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

function dayOfName(name: string): number {
  return Date.parse(`${name.slice(0, 4)}-${name.slice(4, 6)}-${name.slice(6)}`) / DAY_MS;
}
