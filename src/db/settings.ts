import type pg from 'pg';
import sql from 'sql-template-tag';
import type { Db } from './pool.ts';

/** How long statements may run and wait for locks; `isSteady`: they are planned once, and go by an index. */
export type Patience = { statementMs: number; lockMs: number; isSteady: boolean };

// A plan is made once a connection, and must suit a table that has grown since: none reads a table from end to end.
const STEADY = { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off' };

/**
 * What every session of ours is set to, after whatever the server, the database, the role or the URL say: durable
 * commits, the forms in which the driver reads values, and the end of what hangs.
 */
const OURS = {
  synchronous_commit: 'on',
  // Whoever vanishes is gone for the server within some ten seconds, and with it what its session held.
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '2',
  tcp_keepalives_count: '3',
  tcp_user_timeout: '10000',
  // A process that stands still inside a transaction must not hold its locks for long; sessions that listen may idle.
  idle_in_transaction_session_timeout: '20000',
  idle_session_timeout: '0',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  client_encoding: 'UTF8',
  timezone: 'UTC',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  client_min_messages: 'warning',
};

/** Sets a new session to what we need, in one round; rejects where the server cannot be used like that. */
export async function prepareSession(client: pg.ClientBase, patience: Patience): Promise<Session> {
  const wanted = {
    ...OURS,
    statement_timeout: String(patience.statementMs),
    lock_timeout: String(patience.lockMs),
    ...(patience.isSteady && STEADY),
  };
  const { rows } = await client.query<Session>({
    text: `with ours as materialized (
        -- a server that does not know one of them has no need of it
        select count(set_config(w.key, w.value, false)) from json_each_text($1) as w
          join pg_settings s on lower(s.name) = w.key
      ), untimed as materialized (
        select count(set_config(name, '0', false)) from pg_settings where name = 'transaction_timeout'
      )
      select pg_is_in_recovery() as standby, current_setting('session_replication_role') as role,
        current_schema() is null as "noSchema", current_setting('fsync') = 'off' as "noFsync",
        current_setting('full_page_writes') = 'off' as "noPageWrites"
      from ours, untimed`,
    values: [JSON.stringify(wanted)],
  });
  const session = rows[0]!;
  const problem = problemOf(session);
  if (problem !== null) throw new Error(problem);
  return session;
}

type Session = {
  standby: boolean;
  role: string;
  noSchema: boolean;
  noFsync: boolean;
  noPageWrites: boolean;
};

function problemOf({ standby, role, noSchema }: Session): string | null {
  if (standby) return 'this server is a standby, which takes no writes: name the primary';
  if (role !== 'origin') {
    return `session_replication_role is ${role}, so that no trigger fires: reset it for this role`;
  }
  if (noSchema)
    return 'the search_path of this role leads to no schema: make it, or reset the path';
  return null;
}

/** The settings by which a server may forget a commit when power fails, as a new session found them. */
export function unsafeIn({ noFsync, noPageWrites }: Session): string[] {
  return [...(noFsync ? ['fsync'] : []), ...(noPageWrites ? ['full_page_writes'] : [])];
}

/** The same, as they are now. */
export async function unsafeSettings(db: Db): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    sql`select name from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off'`,
  );
  return rows.map((row) => row.name);
}
