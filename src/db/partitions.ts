import sql, { raw } from 'sql-template-tag';
import { firstIdAt, type IdKind } from './ids.ts';
import type { Database, Db } from './pool.ts';

const DAY_MS = 86_400_000;
const PARTITION_LOCK = 7_318_204_512;

/** The tables that hold a day in a partition, with the kind of id that divides them and how full their pages are made. */
const PARTITIONED: { table: string; kind: IdKind; fillfactor: number }[] = [
  { table: 'requests', kind: 'request', fillfactor: 80 },
  { table: 'request_data', kind: 'request', fillfactor: 100 },
  { table: 'events', kind: 'event', fillfactor: 70 },
  { table: 'event_payloads', kind: 'event', fillfactor: 100 },
  { table: 'ignored_events', kind: 'request', fillfactor: 100 },
  { table: 'transformation_executions', kind: 'transformationExecution', fillfactor: 100 },
  { table: 'attempts', kind: 'attempt', fillfactor: 60 },
];

/** Makes the partitions of today and of the `days` that follow, where they are missing. */
export function ensurePartitions(
  database: Database,
  { nowMs, days = 3 }: { nowMs: number; days?: number },
): Promise<void> {
  return database.transaction(async (db) => {
    await db.query(sql`select pg_advisory_xact_lock(${PARTITION_LOCK})`);
    const today = Math.floor(nowMs / DAY_MS);
    for (let day = today; day <= today + days; day++) {
      for (const partition of PARTITIONED) await ensurePartition(db, { ...partition, day });
    }
  });
}

/** Drops every partition whose day ended before `beforeMs`; returns their names. */
export function dropPartitions(
  database: Database,
  { beforeMs }: { beforeMs: number },
): Promise<string[]> {
  return database.transaction(async (db) => {
    await db.query(sql`select pg_advisory_xact_lock(${PARTITION_LOCK})`);
    const { rows } = await db.query<{ name: string }>(
      sql`select c.relname as name from pg_class c join pg_inherits i on i.inhrelid = c.oid
          where i.inhparent = any(${PARTITIONED.map((p) => p.table)}::regclass[]) and c.relname ~ '_[0-9]{8}$'`,
    );
    const last = nameOfDay(Math.floor(beforeMs / DAY_MS));
    const old = rows.map((row) => row.name).filter((name) => name.slice(-8) < last);
    for (const name of old) await db.query(raw(`drop table "${name}"`));
    return old;
  });
}

async function ensurePartition(
  db: Db,
  {
    table,
    kind,
    fillfactor,
    day,
  }: { table: string; kind: IdKind; fillfactor: number; day: number },
): Promise<void> {
  const name = `${table}_${nameOfDay(day)}`;
  const from = firstIdAt(kind, day * DAY_MS);
  const to = firstIdAt(kind, (day + 1) * DAY_MS);
  const { rowCount } = await db.query(sql`select 1 where to_regclass(${name}) is not null`);
  if (rowCount) return;
  // Names and bounds are made here from numbers, never from anybody's text.
  await db.query(
    raw(
      `create table ${name} partition of ${table} for values from ('${from}') to ('${to}') with (fillfactor = ${fillfactor})`,
    ),
  );
}

function nameOfDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
}
