import sql from 'sql-template-tag';
import { afterAll, expect, test, vi } from 'vitest';
import { eventId, newId } from '../../src/db/ids.ts';
import { divideStrays, dropDay, ensurePartitions, listDays } from '../../src/db/partitions.ts';
import { insertRequests } from '../../src/db/requests.ts';
import { testDatabase } from '../support/postgres.ts';
import { makeEnds, newRequest } from './rows.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const ends = await makeEnds(db);
const DAY_MS = 86_400_000;
const at = (day: string) => Date.parse(`${day}T12:00:00Z`);

/** Stores a request of that time; says in which partitions it lies. */
async function store(receivedAtMs: number): Promise<{ id: string; tables(): Promise<string[]> }> {
  const id = newId('request', receivedAtMs);
  const request = newRequest(ends, { id, receivedAtMs });
  await insertRequests(db, [{ request, idempotency: null, claims: [] }]);
  return {
    id,
    async tables() {
      const { rows } = await db.query<{ name: string }>(sql`
        select tableoid::regclass::text as name from requests where id = ${id}
        union all select tableoid::regclass::text from request_data where id = ${id} order by 1`);
      return rows.map((row) => row.name);
    },
  };
}

test('each day has its partition, made ahead, and made once', async () => {
  const nowMs = at('2031-03-01');
  await ensurePartitions(db, { nowMs, days: 2 });
  await ensurePartitions(db, { nowMs, days: 2 });
  for (const day of [0, 1, 2]) {
    const { tables } = await store(nowMs + day * DAY_MS);
    const name = `2031030${day + 1}`;
    expect(await tables()).toEqual([`request_data_${name}`, `requests_${name}`]);
  }
});

test('the last moment of a day and the first of the next lie apart', async () => {
  const midnight = Date.parse('2031-03-02T00:00:00Z');
  expect(await (await store(midnight - 1)).tables()).toContain('requests_20310301');
  expect(await (await store(midnight)).tables()).toContain('requests_20310302');
});

test('two processes that make them at once do not disturb each other', async () => {
  const nowMs = at('2031-04-01');
  await Promise.all(Array.from({ length: 4 }, () => ensurePartitions(db, { nowMs, days: 1 })));
  expect(await (await store(nowMs)).tables()).toContain('requests_20310401');
});

test('what came before its partition was there is kept, and moves into it', async () => {
  const nowMs = at('2031-05-01');
  const { id, tables } = await store(nowMs);
  expect(await tables()).toEqual(['request_data_default', 'requests_default']);
  await ensurePartitions(db, { nowMs, days: 0 });
  expect(await tables()).toEqual(['request_data_20310501', 'requests_20310501']);
  await expect(store(nowMs).then((next) => next.tables())).resolves.toContain('requests_20310501');
  await expect(
    db.query(sql`insert into requests select * from requests where id = ${id}`),
  ).rejects.toThrow(/duplicate key/);
});

test('an event that came early moves with all it has, and is found by its status', async () => {
  const nowMs = at('2031-06-01');
  const { id } = await store(nowMs);
  const event = eventId(id, ends.connectionId);
  await db.query(sql`
    insert into events (id, project_id, request_id, connection_id, source_id, destination_id, status, dispatch_id,
      workflow_id, created_at, updated_at)
    values (${event}, ${ends.projectId}, ${id}, ${ends.connectionId}, ${ends.sourceId}, ${ends.destinationId}, 'HOLD',
      'dsp_1', 'requests/dsp_1', now(), now())`);
  const find = () =>
    db.query(sql`select tableoid::regclass::text as name, dispatch_id from events
      where project_id = ${ends.projectId} and noted_status = 'HOLD' and id = ${event}`);
  expect((await find()).rows).toEqual([{ name: 'events_default', dispatch_id: 'dsp_1' }]);
  await ensurePartitions(db, { nowMs, days: 0 });
  expect((await find()).rows).toEqual([{ name: 'events_20310601', dispatch_id: 'dsp_1' }]);
});

test('a partition made late has the indexes, settings and rules of the others', async () => {
  const shape = async (name: string) => {
    const { rows } = await db.query(sql`
      select regexp_replace(replace(indexdef, ${name}, 'T'), '(INDEX) \\S+', '\\1') as it
      from pg_indexes where tablename = ${name}
      union all select array_to_string(reloptions, ',') from pg_class where relname = ${name}
      union all select column_name || is_nullable || coalesce(column_default, '') || coalesce(collation_name, '')
        from information_schema.columns where table_name = ${name}
      order by 1`);
    return rows;
  };
  expect(await shape('requests_20310501')).toEqual(await shape('requests_20310301'));
  expect(await shape('request_data_20310501')).toEqual(await shape('request_data_20310301'));
});

test('a day is dropped as a whole, the next stays', async () => {
  const kept = await store(at('2031-04-01'));
  const dropped = await dropDay(db, Math.floor(at('2031-03-01') / DAY_MS));
  expect(dropped).toEqual(expect.arrayContaining(['requests_20310301', 'attempts_20310301']));
  expect(await kept.tables()).toContain('requests_20310401');
  expect((await listDays(db)).includes(Math.floor(at('2031-03-02') / DAY_MS))).toBe(true);
});

test('PostgreSQL says which day it is', async () => {
  const { rows } = await db.query<{ today: string }>(
    sql`select to_char(now() at time zone 'UTC', 'YYYYMMDD') as today`,
  );
  vi.useFakeTimers({ now: Date.now() + 400 * DAY_MS, toFake: ['Date'] });
  try {
    await ensurePartitions(db, { days: 0 });
    expect(await (await store(Date.parse('2099-01-01'))).tables()).toContain('requests_default');
    const days = await listDays(db);
    expect(days.filter((day) => day > 47_000)).toEqual([]);
    const there = await db.query(sql`select to_regclass(${`events_${rows[0]!.today}`}) as it`);
    expect(there.rows).not.toEqual([{ it: null }]);
  } finally {
    vi.useRealTimers();
  }
});

test('rows of a clock that was behind, or far ahead, do not stay in the default partition', async () => {
  const [old, ahead] = [await store(at('2001-02-03')), await store(at('2088-02-03'))];
  expect(await old.tables()).toEqual(['request_data_default', 'requests_default']);
  expect((await divideStrays(db)).length).toBeGreaterThanOrEqual(2);
  expect(await old.tables()).toEqual(['request_data_20010203', 'requests_20010203']);
  expect(await ahead.tables()).toEqual(['request_data_20880203', 'requests_20880203']);
  expect(await divideStrays(db)).toEqual([]);
});

test('what comes into the default partition while a day is made does not break its making', async () => {
  const nowMs = at('2032-01-01');
  const made = new AbortController();
  const sending = (async () => {
    while (!made.signal.aborted) await store(nowMs);
  })();
  try {
    await ensurePartitions(db, { nowMs, days: 1 });
  } finally {
    made.abort();
    await sending;
  }
  const { rows } = await db.query(sql`select id from requests_default`);
  expect(rows).toEqual([]);
});
