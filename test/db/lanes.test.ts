import sql from 'sql-template-tag';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { leaveLanes, listHeads, listUnwatched, watchLanes } from '../../src/db/lanes.ts';
import { seedEvents, type Seed } from '../support/events.ts';
import { testDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let seed: Seed;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  seed = await seedEvents(database.db, { count: 5, laneKeys: ['a', 'b', 'a', '', 'b'] });
});

async function heads(without: string[] = []): Promise<string[]> {
  const { connectionId, sourceId } = seed;
  const found = await listHeads(database.db, { connectionId, sourceId, without, limit: 100 });
  return found.map((head) => `${head.key}:${seed.eventIds.indexOf(head.eventId)}`);
}

async function leave(n: number, key: string, { skip = false } = {}): Promise<number> {
  const { connectionId, eventIds } = seed;
  const left = [{ key, eventId: eventIds[n]! }];
  return (await leaveLanes(database.db, { connectionId, heads: left, skip })).length;
}

async function settle(n: number, status: string, errorCode: string | null = null): Promise<void> {
  await database.db.query(
    sql`update events set status = ${status}, error_code = ${errorCode} where id = ${seed.eventIds[n]}`,
  );
}

describe('the head of a lane', () => {
  test('is the oldest event of its key, the empty key among them', async () => {
    expect(await heads()).toEqual([':3', 'a:0', 'b:1']);
    expect(await heads(['a'])).toEqual([':3', 'b:1']);
  });

  test('makes room for the next when it is delivered, not before', async () => {
    expect(await leave(0, 'a')).toBe(0);
    await settle(0, 'SUCCESSFUL');
    expect(await leave(0, 'a')).toBe(1);
    expect(await heads()).toEqual([':3', 'a:2', 'b:1']);
  });

  test('that failed for good blocks its key, unless it may be skipped', async () => {
    await settle(0, 'FAILED');
    expect(await leave(0, 'a')).toBe(0);
    expect(await leave(0, 'a', { skip: true })).toBe(1);
  });

  test('that was cancelled blocks nothing', async () => {
    await settle(0, 'CANCELLED');
    await settle(1, 'FAILED', 'CANCELLED');
    expect(await leave(0, 'a')).toBe(1);
    expect(await leave(1, 'b')).toBe(1);
  });

  test('waits for requests of its source that came before and have not been routed', async () => {
    const between = `req_${seed.eventIds[2]!.slice(4, 24)}`;
    await database.db.query(
      sql`insert into outbox (request_id, source_id) values (${between}, ${seed.sourceId})`,
    );
    expect(await heads()).toEqual(['a:0', 'b:1']);
    await database.db.query(sql`delete from outbox`);
    expect(await heads()).toEqual([':3', 'a:0', 'b:1']);
  });
});

test('lanes that somebody looks at by himself need no call', async () => {
  const { connectionId } = seed;
  expect(await listUnwatched(database.db, [connectionId])).toEqual([connectionId]);
  await watchLanes(database.db, { connectionId, forMs: 10_000 });
  expect(await listUnwatched(database.db, [connectionId])).toEqual([]);
  await watchLanes(database.db, { connectionId, forMs: 0 });
  expect(await listUnwatched(database.db, [connectionId])).toEqual([connectionId]);
});
