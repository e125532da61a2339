import pg from 'pg';
import type { Sql } from 'sql-template-tag';

/** A place to run statements: the pool, or one client inside a transaction. */
export type Db = {
  query<Row extends pg.QueryResultRow>(
    statement: Sql | pg.QueryConfig,
  ): Promise<pg.QueryResult<Row>>;
};

/** The pool, and what only the pool can do. */
export type Database = Db & {
  transaction<Result>(work: (db: Db) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
};

// A plan is made once a connection, and must suit a table that has grown since: none reads a table from end to end.
const STEADY = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off';

/**
 * Opens a pool on `url`. Every connection commits durably (`synchronous_commit = on`), whatever the server's default.
 * `onError` hears of connections that broke while idle; the pool replaces them by itself.
 * `steady` is for statements that are the same for every event and go by an index: they are planned once.
 */
export function openDatabase(
  url: string,
  {
    max,
    onError,
    statementTimeoutMs = 30_000,
    steady = false,
  }: {
    max: number;
    onError: (error: Error) => void;
    statementTimeoutMs?: number;
    steady?: boolean;
  },
): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    options: `-c synchronous_commit=on -c statement_timeout=${statementTimeoutMs} -c timezone=UTC ${steady ? STEADY : ''}`,
  });
  let closing = false;
  pool.on('error', ({ name, message, stack }: Error) => {
    // A server that stops right behind us cuts off connections we are about to end. The error itself carries the whole client.
    if (!closing) onError(Object.assign(new Error(message), { name, stack }));
  });
  return {
    query: (statement) => pool.query(statement),
    transaction: (work) => inTransaction(pool, work),
    close() {
      closing = true;
      return pool.end();
    },
  };
}

async function inTransaction<Result>(
  pool: pg.Pool,
  work: (db: Db) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection that breaks lets its query fail, and emits an error besides: unheard, that would end the process.
  const onBroken = (error: Error) => (broken = error);
  client.on('error', onBroken);
  try {
    await client.query('begin');
    const result = await work({ query: (statement) => client.query(statement) });
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failed: unknown) => {
      broken = failed instanceof Error ? failed : new Error(String(failed));
    });
    throw error;
  } finally {
    // A client that cannot roll back has lost its connection: the pool must not hand it out again.
    client.removeListener('error', onBroken);
    client.release(broken);
  }
}

/** Whether PostgreSQL answers now: rejects where it does not. */
export async function pingDatabase(db: Db): Promise<void> {
  await db.query({ text: 'select 1' });
}
