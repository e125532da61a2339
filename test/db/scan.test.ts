import sql, { type Sql } from 'sql-template-tag';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listAttempts } from '../../src/db/attempt-reads.ts';
import { type EventFilters, listEvents } from '../../src/db/event-reads.ts';
import { firstIdAt } from '../../src/db/ids.ts';
import type { Db } from '../../src/db/pool.ts';
import { listRequests, type RequestFilters } from '../../src/db/request-reads.ts';
import { testDatabase, type TestDatabase } from '../support/postgres.ts';

const ROWS = 60_000;
// Where a third of the rows match, reading three for one is as good as an index; so is sorting the few that failed.
const THIRD = 200;
const PAGE = { dir: 'desc', limit: 50 } as const;
const projectId = 'tm_1';
let database: TestDatabase;
let middle: string;

beforeAll(async () => {
  database = await testDatabase();
  await fill(database.db);
  const { rows } = await database.db.query<{ id: string }>(
    sql`select id from events order by id offset ${ROWS / 2} limit 1`,
  );
  middle = rows[0]!.id;
}, 120_000);
afterAll(() => database.drop());

/** Three sources, three busy connections and one whose hundred events are the oldest, one event in five hundred failed, one request in a thousand rejected. */
async function fill(db: Db): Promise<void> {
  const prefix = firstIdAt('request', Date.now()).slice(4);
  const request = sql`'req_' || ${prefix} || lpad(n::text, 10, '0')`;
  const event = sql`'evt_' || ${prefix} || lpad(n::text, 10, '0') || '00000000'`;
  await db.query(sql`
    insert into requests (id, project_id, source_id, rejection_cause, ingested_at, created_at, updated_at)
    select ${request}, ${projectId}, 'src_' || n % 3, case when n % 1000 = 0 then 'NO_CONNECTION' end, now(), now(), now()
    from generate_series(1, ${ROWS}::integer) n`);
  await db.query(sql`
    insert into request_data (id, method, path, query, headers, body)
    select ${request}, 'POST', '/' || n, 'n=' || n, '[]', convert_to('{"n":' || n || '}', 'UTF8')
    from generate_series(1, ${ROWS}::integer) n`);
  await db.query(sql`
    insert into events (id, project_id, request_id, connection_id, source_id, destination_id, status, response_status,
      dispatch_id, workflow_id, created_at, updated_at)
    select ${event}, ${projectId}, ${request}, case when n <= 100 then 'web_rare' else 'web_' || n % 3 end, 'src_' || n % 3, 'des_' || n % 3,
      case when n % 500 = 0 then 'FAILED' else 'SUCCESSFUL' end, case when n % 500 = 0 then 500 else 200 end,
      'dsp_1', 'w', now(), now()
    from generate_series(1, ${ROWS}::integer) n`);
  await db.query(sql`
    insert into attempts (id, project_id, event_id, destination_id, number, trigger, workflow_id, created_at, updated_at)
    select 'atm_' || substr(${event}, 5) || '0001', ${projectId}, ${event}, 'des_' || n % 3, 1, 'INITIAL', 'w', now(), now()
    from generate_series(1, ${ROWS}::integer) n`);
  await db.query(sql`analyze requests, request_data, events, attempts`);
}

/** Runs `work` and adds up the rows that its statements took from tables and indexes. */
async function rowsRead(work: (db: Db) => Promise<{ rows: unknown[] }>) {
  let read = 0;
  const explaining: Db = {
    async query(statement) {
      const { text, values } = statement as Sql;
      const plan = await database.db.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>({
        text: `explain (analyze, format json) ${text}`,
        values,
      });
      read += leaves(plan.rows[0]!['QUERY PLAN'][0].Plan);
      return database.db.query(statement);
    },
  };
  const page = await work(explaining);
  return { read, found: page.rows.length };
}

type Plan = {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
};

function leaves(plan: Plan): number {
  const own = plan['Relation Name']
    ? (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops']
    : 0;
  return own + (plan.Plans ?? []).reduce((sum, child) => sum + leaves(child), 0);
}

test('a page of events reads a page of rows, whatever indexed filter it has', async () => {
  const wanted: [EventFilters, number][] = [
    [{}, 60],
    [{ webhook_id: { in: ['web_0'] } }, THIRD],
    [{ webhook_id: { in: ['web_0', 'web_2', 'web_2'] } }, 2 * THIRD],
    [{ destination_id: { in: ['des_1'] } }, THIRD],
    [{ webhook_id: { in: ['web_rare'] } }, THIRD],
    [{ status: { in: ['FAILED'] } }, THIRD],
    [{ status: { in: ['FAILED', 'SCHEDULED', 'HOLD'] } }, THIRD],
  ];
  for (const [filters, limit] of wanted) {
    const { read, found } = await rowsRead((db) =>
      listEvents(db, { projectId, filters, connectionIds: null, page: PAGE }),
    );
    expect(found).toBe(50);
    expect([filters, read]).toEqual([filters, Math.min(read, limit)]);
    const next = { ...PAGE, next: middle };
    const later = await rowsRead((db) =>
      listEvents(db, { projectId, filters, connectionIds: null, page: next }),
    );
    expect(later.read).toBeLessThanOrEqual(limit);
  }
  const bySource = await rowsRead((db) =>
    listEvents(db, {
      projectId,
      filters: { source_id: { in: ['src_1'] } },
      connectionIds: ['web_1'],
      page: PAGE,
    }),
  );
  expect(bySource).toMatchObject({ found: 50 });
  expect(bySource.read).toBeLessThanOrEqual(THIRD);
});

test('queued events are found from the newest on, however far the others lie', async () => {
  const filters: EventFilters = { status: { in: ['QUEUED', 'FAILED'] } };
  const { read, found } = await rowsRead((db) =>
    listEvents(db, { projectId, filters, connectionIds: null, page: PAGE }),
  );
  expect(found).toBe(50);
  expect(read).toBeLessThan(ROWS);
});

test('a page of requests reads a page of rows, whatever indexed filter it has', async () => {
  const wanted: RequestFilters[] = [
    {},
    { source_id: { in: ['src_2'] } },
    { status: 'rejected' },
    { rejection_cause: { in: ['NO_CONNECTION'] } },
  ];
  for (const filters of wanted) {
    const { read, found } = await rowsRead((db) =>
      listRequests(db, { projectId, filters, page: PAGE }),
    );
    expect(found).toBe(50);
    expect([filters, read]).toEqual([filters, Math.min(read, THIRD)]);
  }
});

test('the attempts of an event are found without a look at others', async () => {
  const [first] = (await listAttempts(database.db, { projectId, filters: {}, page: PAGE })).rows;
  const { read, found } = await rowsRead((db) =>
    listAttempts(db, { projectId, filters: { event_id: [first!.event_id] }, page: PAGE }),
  );
  expect(found).toBe(1);
  expect(read).toBeLessThanOrEqual(2);
});

/** The first page with a request in it, or the last of all: one that took too long ends before it has found any. */
async function firstFound(filters: RequestFilters, next?: string) {
  for (let from = next; ;) {
    const page = { dir: 'desc', limit: 1, ...(from && { next: from }) } as const;
    const found = await listRequests(database.db, { projectId, filters, page });
    if (found.rows.length > 0 || found.next === null) return found;
    from = found.next;
  }
}

test('what no index answers is looked for in windows, until it is found', async () => {
  const filters = { body: { n: ROWS - 300 } };
  const page = { dir: 'desc', limit: 1 } as const;
  const { read, found } = await rowsRead((db) => listRequests(db, { projectId, filters, page }));
  expect(found).toBe(1);
  // The page is full far from its beginning: it ends there, and the next one finds that there is no more.
  const first = await firstFound(filters);
  expect(first.rows[0]!.id > first.next!).toBe(true);
  expect(await firstFound(filters, first.next!)).toMatchObject({ rows: [], next: null });
  const oldest = await firstFound({ parsed_query: { n: 1 } });
  expect(oldest.rows.map((row) => row.id.slice(-2))).toEqual(['01']);
  expect(oldest.next).toBeNull();
  expect(read).toBeLessThan(6_000);
});

test('pages join without a gap or a repeat where rows between them do not match', async () => {
  const seen: string[] = [];
  let next: string | undefined;
  do {
    const page = await listEvents(database.db, {
      projectId,
      filters: { response_status: { gte: 500 } },
      connectionIds: null,
      page: { dir: 'asc', limit: 7, ...(next && { next }) },
    });
    seen.push(...page.rows.map((row) => row.id));
    next = page.next ?? undefined;
  } while (next);
  expect(seen).toHaveLength(ROWS / 500);
  expect(seen).toEqual([...new Set(seen)].toSorted());
});
