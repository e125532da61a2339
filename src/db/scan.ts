import sql, { empty, join, raw, type Sql } from 'sql-template-tag';
import { Direction } from '../domain/schema/list.ts';
import type { Db } from './pool.ts';
import { directionOf, isBackwards, type Page, pageOf, type PageOrder, where } from './query.ts';

/**
 * How a page is found in a table that grows without end.
 * `lanes` and `bounds` are what an index answers: only such rows are looked at, in order of their ids.
 * `tests` are put to every row looked at, `check` to every row they let through.
 */
export type Scan<Row> = {
  table: 'requests' | 'events' | 'attempts' | 'execution_heads';
  /** One walk along an index per value. */
  lanes: { values: string[]; condition: (value: Sql) => Sql } | null;
  bounds: Sql[];
  /** Tables that the tests read, joined to the row `c` one row at a time, and what to select of them. */
  joins?: Sql;
  columns?: Sql;
  tests: Sql[];
  check?: (row: Row) => boolean;
};

/** The most rows one statement looks at. */
const MAX_WINDOW = 10_000;
/** Rows looked at in one statement from which on a full page is enough. */
const FAR = 1_000;
const BUDGET_MS = 3_000;
/** More walks than these are planned as one. */
const MAX_PLANNED_LANES = 16;

type Window<Row> = { rows: Row[]; scanned: number; last: string | null };

/**
 * Reads a page. Rows are looked at in windows that grow until the page is full; after three seconds the page ends
 * where it has come to, with the id to go on from. So the cost of a page does not grow with the rows that are stored.
 */
export async function scanPage<Row extends { id: string }>(
  db: Db,
  { page, scan }: { page: PageOrder; scan: Scan<Row> },
): Promise<Page<Row>> {
  if (page.limit === 0) return { rows: [], next: null, prev: null };
  const deadlineMs = Date.now() + BUDGET_MS;
  const found: Row[] = [];
  let cursor = page.prev ?? page.next ?? null;
  let take = page.limit + 1;
  for (;;) {
    const window = await readWindow<Row>(db, { page, scan, cursor, take });
    found.push(...(scan.check ? window.rows.filter(scan.check) : window.rows));
    if (found.length > page.limit || window.scanned < take) return pageOf(found, page);
    cursor = window.last;
    // Whether there is one row more is not worth a long walk: the next page will tell.
    const full = found.length === page.limit && take >= FAR;
    if (full || Date.now() > deadlineMs) return unfinished(found, { page, cursor });
    take = Math.min(take * 4, MAX_WINDOW);
  }
}

function unfinished<Row extends { id: string }>(
  found: Row[],
  { page, cursor }: { page: PageOrder; cursor: string | null },
): Page<Row> {
  const known = pageOf(found, page);
  return isBackwards(page) ? { ...known, prev: cursor } : { ...known, next: cursor };
}

async function readWindow<Row extends { id: string }>(
  db: Db,
  window: { page: PageOrder; scan: Scan<Row>; cursor: string | null; take: number },
): Promise<Window<Row>> {
  const { scan, page } = window;
  const dir = directionOf(page.dir, isBackwards(page));
  const farthest = raw(dir === Direction.Ascending ? 'max' : 'min');
  // A row that code still has to check may not count against the limit.
  const limit = scan.check ? empty : sql`limit ${page.limit + 1}`;
  const { rows } = await db.query<Row & { scanned: number; last: string | null }>(sql`
    with candidates as materialized (${candidates(window)}), matched as (
      select c.* ${scan.columns ?? empty} from candidates c ${scan.joins ?? empty} ${where(scan.tests)}
      order by c.id ${raw(dir)} ${limit}
    )
    select s.scanned, s.last, m.*
    from (select count(*)::integer as scanned, ${farthest}(id) as last from candidates) s left join matched m on true
    order by m.id ${raw(dir)}`);
  const [first] = rows;
  return {
    rows: rows.filter((row) => row.id !== null),
    scanned: first?.scanned ?? 0,
    last: first?.last ?? null,
  };
}

function candidates<Row>({
  scan,
  page,
  cursor,
  take,
}: {
  scan: Scan<Row>;
  page: PageOrder;
  cursor: string | null;
  take: number;
}): Sql {
  const dir = directionOf(page.dir, isBackwards(page));
  const beyond = raw(dir === Direction.Ascending ? '>' : '<');
  const bounds = cursor === null ? scan.bounds : [...scan.bounds, sql`t.id ${beyond} ${cursor}`];
  const table = raw(scan.table);
  const order = sql`order by id ${raw(dir)} limit ${take}`;
  const walk = (conditions: Sql[]) => sql`select t.* from ${table} t ${where(conditions)} ${order}`;
  if (scan.lanes === null) return walk(bounds);

  const { condition } = scan.lanes;
  const values = [...new Set(scan.lanes.values)];
  if (values.length === 0) return sql`select * from ${table} where false`;
  if (values.length > MAX_PLANNED_LANES) {
    return sql`select l.* from unnest(${values}::text[]) as lane (value)
      cross join lateral (${walk([condition(sql`lane.value`), ...bounds])}) l ${order}`;
  }
  // Each value by itself: the planner knows which are rare, and takes the index that suits.
  const walks = values.map((value) => sql`(${walk([condition(sql`${value}`), ...bounds])})`);
  return sql`select * from (${join(walks, ' union all ')}) l ${order}`;
}
