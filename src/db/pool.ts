import pg from 'pg';
import type { Sql } from 'sql-template-tag';
import { parseAsWritten } from '../domain/numbers/parse.ts';
import { answerWithin, clientConfig } from './connect.ts';
import { isPartitionMade } from './faults.ts';
import { prepareSession, unsafeIn } from './settings.ts';

/** A place to run statements: the pool, or one client inside a transaction. */
export type Db = {
  query<Row extends pg.QueryResultRow>(
    statement: Sql | pg.QueryConfig,
  ): Promise<pg.QueryResult<Row>>;
};

/** The pool, and what only the pool can do. */
export type Database = Db & {
  transaction<Result>(
    work: (db: Db) => Promise<Result>,
    limits?: TransactionLimits,
  ): Promise<Result>;
  close(): Promise<void>;
};

/** How long each statement of a transaction may run and wait for locks, where the pool's own limits are not meant; 0: without end. */
export type TransactionLimits = { statementMs: number; lockMs: number };

const LOCK_MS = 10_000;

/** Configuration is given back as it was written: `jsonb` keeps the digits of a number. */
const TYPES = new pg.TypeOverrides();
TYPES.setTypeParser(pg.types.builtins.JSONB, parseAsWritten);

/**
 * Opens a pool on `url`. Every connection is set to what we need (`settings.ts`), whatever the server's or the role's
 * defaults. `onError` hears of connections that broke while idle; the pool replaces them by itself. `onUnsafe` hears
 * of settings by which the server that was just connected to may lose what was acknowledged.
 * `steady` is for statements that are the same for every event and go by an index: they are planned once.
 */
export function openDatabase(
  url: string,
  {
    max,
    onError,
    onUnsafe = () => {},
    statementTimeoutMs = 30_000,
    waitMs,
    steady = false,
  }: {
    max: number;
    onError: (error: Error) => void;
    onUnsafe?: (settings: string[]) => void;
    statementTimeoutMs?: number;
    /** How long a statement waits for a connection at most; 5 s where it is not said. */
    waitMs?: number;
    steady?: boolean;
  },
): Database {
  const pool = new pg.Pool({
    ...clientConfig(url),
    ...(waitMs !== undefined && { connectionTimeoutMillis: waitMs }),
    max,
    idleTimeoutMillis: 60_000,
    types: TYPES,
    query_timeout: answerWithin(statementTimeoutMs),
    async onConnect(client) {
      const patience = { statementMs: statementTimeoutMs, lockMs: LOCK_MS, isSteady: steady };
      const unsafe = unsafeIn(await prepareSession(client, patience));
      if (unsafe.length > 0) onUnsafe(unsafe);
    },
  });
  let closing = false;
  pool.on('error', ({ name, message, stack }: Error) => {
    // A server that stops right behind us cuts off connections we are about to end. The error itself carries the whole client.
    if (!closing) onError(Object.assign(new Error(message), { name, stack }));
  });
  return {
    query: (statement) =>
      pool.query(statement).catch((error: unknown) => {
        // Nothing was done, and the row has a place now.
        if (isPartitionMade(error)) return pool.query(statement);
        throw error;
      }),
    transaction: (work, limits) => inTransaction(pool, { work, limits }),
    close() {
      closing = true;
      return pool.end();
    },
  };
}

async function inTransaction<Result>(
  pool: pg.Pool,
  { work, limits }: { work: (db: Db) => Promise<Result>; limits: TransactionLimits | undefined },
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection that breaks lets its query fail, and emits an error besides: unheard, that would end the process.
  const onBroken = (error: Error) => (broken = error);
  client.on('error', onBroken);
  try {
    await client.query('begin');
    const result = await work(limits ? await limited(client, limits) : client);
    await client.query('commit');
    return result;
  } catch (error) {
    if (isSilence(error)) broken = error;
    // A connection on which nothing answers is not asked for anything more.
    else await client.query('rollback').catch((failed: unknown) => (broken = asError(failed)));
    throw error;
  } finally {
    // A client that cannot roll back has lost its connection: the pool must not hand it out again.
    client.removeListener('error', onBroken);
    client.release(broken);
  }
}

/** The driver gave up waiting for an answer; it says so in these words alone. */
function isSilence(error: unknown): error is Error {
  return error instanceof Error && error.message === 'Query read timeout';
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

// Longer than any server is silent while it works, and the end of a wait for one that is gone.
const ENDLESS_MS = 6 * 3_600_000;

/** Runs the statements of a transaction within limits of its own. */
async function limited(
  client: pg.PoolClient,
  { statementMs, lockMs }: TransactionLimits,
): Promise<Db> {
  await client.query(
    `set local statement_timeout = ${statementMs}; set local lock_timeout = ${lockMs}`,
  );
  const query_timeout = statementMs === 0 ? ENDLESS_MS : answerWithin(statementMs);
  return {
    query(statement) {
      const { text, values } = statement;
      const name = 'name' in statement ? statement.name : undefined;
      const asked = {
        text,
        values: values ?? [],
        query_timeout,
        ...(name !== undefined && { name }),
      };
      return client.query(asked);
    },
  };
}

/** Whether PostgreSQL answers now: rejects where it does not. */
export async function pingDatabase(db: Db): Promise<void> {
  await db.query({ text: 'select 1' });
}
