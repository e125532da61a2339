import sql, { type Sql } from 'sql-template-tag';
import type { Database, Db } from './pool.ts';

// More rows than this are kept by nobody's wish, however small they are.
const MOST_ROWS = 100_000;
const AT_ONCE = 5_000;
// What a row costs beside what was sent: its other columns, its places in indexes.
const ROW_BYTES = 600;

const REFUSED = sql`r.rejection_cause in ('VERIFICATION_FAILED', 'UNSUPPORTED_HTTP_METHOD')`;
// Anybody can send both kinds. What waited for a key in vain may be genuine, so it has a share of its own: a flood of
// the others does not push it out.
const KINDS = [
  sql`${REFUSED} and r.rejection_detail ->> 'reason' is distinct from 'KEY_UNAVAILABLE'`,
  sql`${REFUSED} and r.rejection_detail ->> 'reason' = 'KEY_UNAVAILABLE'`,
];

type Share = { projectId: string; maxBytes: number };

/** Removes the oldest of a project's refused requests, as far as all of a kind take more than `maxBytes`; returns how many. */
export async function trimRejected(database: Database, share: Share): Promise<number> {
  let removed = 0;
  for (const kind of KINDS) removed += await trim(database, { ...share, kind });
  return removed;
}

async function trim(database: Database, share: Share & { kind: Sql }): Promise<number> {
  const { projectId, kind } = share;
  const boundary = await boundaryOf(database, share);
  if (boundary === null) return 0;
  for (let removed = 0; ;) {
    const n = await removeSome(database, { projectId, boundary, kind });
    removed += n;
    if (n < AT_ONCE) return removed;
  }
}

/** The newest of those that are too many. */
async function boundaryOf(
  db: Db,
  { projectId, maxBytes, kind }: Share & { kind: Sql },
): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>(sql`
    with newest as materialized (
      select r.id from requests r where r.project_id = ${projectId} and r.rejection_cause is not null and ${kind}
      order by r.id desc limit ${MOST_ROWS + 1}
    ), sized as (
      select n.id, row_number() over newest_first as place,
        sum(pg_column_size(d.body) + pg_column_size(d.headers) + ${ROW_BYTES}) over newest_first as bytes
      from newest n join request_data d on d.id = n.id
      window newest_first as (order by n.id desc)
    )
    select id from sized where bytes > ${maxBytes} or place > ${MOST_ROWS} order by id desc limit 1`);
  return rows[0]?.id ?? null;
}

function removeSome(
  database: Database,
  { projectId, boundary, kind }: { projectId: string; boundary: string; kind: Sql },
): Promise<number> {
  return database.transaction(async (db) => {
    const { rows } = await db.query<{ id: string }>(sql`
      select r.id from requests r
      where r.project_id = ${projectId} and r.rejection_cause is not null and ${kind} and r.id <= ${boundary}
      order by r.id limit ${AT_ONCE} for update skip locked`);
    const ids = rows.map((row) => row.id);
    await db.query(sql`delete from request_data where id = any(${ids})`);
    await db.query(sql`delete from requests where id = any(${ids})`);
    return ids.length;
  });
}
