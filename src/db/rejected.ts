import sql from 'sql-template-tag';
import type { Database, Db } from './pool.ts';

// More rows than this are kept by nobody's wish, however small they are.
const MOST_ROWS = 100_000;
const AT_ONCE = 5_000;
// What a row costs beside what was sent: its other columns, its places in indexes.
const ROW_BYTES = 600;

// Those that anybody can send. What only waited for a key in vain was acknowledged, and stays.
const ANYBODYS = sql`r.rejection_cause in ('VERIFICATION_FAILED', 'UNSUPPORTED_HTTP_METHOD')
  and r.rejection_detail ->> 'reason' is distinct from 'KEY_UNAVAILABLE'`;

/** Removes the oldest of a project's refused requests, as far as all of them together take more than `maxBytes`; returns how many. */
export async function trimRejected(
  database: Database,
  { projectId, maxBytes }: { projectId: string; maxBytes: number },
): Promise<number> {
  const boundary = await boundaryOf(database, { projectId, maxBytes });
  if (boundary === null) return 0;
  for (let removed = 0; ;) {
    const n = await removeSome(database, { projectId, boundary });
    removed += n;
    if (n < AT_ONCE) return removed;
  }
}

/** The newest of those that are too many. */
async function boundaryOf(
  db: Db,
  { projectId, maxBytes }: { projectId: string; maxBytes: number },
): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>(sql`
    with newest as materialized (
      select r.id from requests r where r.project_id = ${projectId} and r.rejection_cause is not null and ${ANYBODYS}
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
  { projectId, boundary }: { projectId: string; boundary: string },
): Promise<number> {
  return database.transaction(async (db) => {
    const { rows } = await db.query<{ id: string }>(sql`
      select r.id from requests r
      where r.project_id = ${projectId} and r.rejection_cause is not null and ${ANYBODYS} and r.id <= ${boundary}
      order by r.id limit ${AT_ONCE} for update skip locked`);
    const ids = rows.map((row) => row.id);
    await db.query(sql`delete from request_data where id = any(${ids})`);
    await db.query(sql`delete from requests where id = any(${ids})`);
    return ids.length;
  });
}
