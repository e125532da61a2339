import type { QueryConfig, QueryResultRow } from 'pg';
import type { Sql } from 'sql-template-tag';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthenticate } from '../../src/api/auth.ts';
import { createRefusals } from '../../src/api/refused-keys.ts';
import type { Db } from '../../src/db/pool.ts';
import { type Gateway, KEY, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({}, { trustedProxies: ['127.0.0.1'] });
});
afterAll(() => gateway.close());

/** The same database, and how often it was asked. */
function counted(db: Db) {
  let queries = 0;
  const counting: Db = {
    query: (statement) => {
      queries++;
      return db.query(statement);
    },
  };
  return { db: counting, queries: () => queries };
}

test('wrong keys cost next to no query, however many they are, and right ones not one each', async () => {
  const { db, queries } = counted(gateway.db);
  const authenticate = createAuthenticate(db);
  const beganAt = performance.now();
  let right = 0;
  for (let i = 0; i < 5_000; i++) {
    await authenticate(`Bearer wrong-${i}`, `2001:db8:${(i % 500).toString(16)}::1`);
    if ((await authenticate(`Bearer ${KEY}`, '203.0.113.9')) !== null) right++;
  }
  expect(right).toBe(5_000);
  // The keys are read four times a second at most.
  expect(queries()).toBeLessThan(4 + ((performance.now() - beganAt) / 1_000) * 5);
});

test('a database that takes longer than keys are known for is asked a few times, and not for ever', async () => {
  let queries = 0;
  const slow: Db = {
    async query<Row extends QueryResultRow>(statement: Sql | QueryConfig) {
      queries++;
      const result = await gateway.db.query<Row>(statement);
      await gateway.db.query({ text: 'select pg_sleep(1.1)', values: [] });
      return result;
    },
  };
  const authenticate = createAuthenticate(slow);
  const asked = ['wrong', KEY].map((key) => authenticate(`Bearer ${key}`, '203.0.113.20'));
  const [wrong, right] = await Promise.all(asked);
  expect([wrong, right]).toEqual([null, expect.objectContaining({ keyId: expect.any(String) })]);
  // Read once; once more for the key that was not known; each use of a key is noted.
  expect(queries).toBeLessThanOrEqual(3);
});

test('an address that comes with wrong keys too often is told so, and its right key opens all the same', async () => {
  const as = (address: string, key: string) =>
    gateway.ask('GET', '/sources', { key, headers: { 'x-forwarded-for': address } });
  const statuses = new Set<number>();
  for (let i = 0; i < 100; i++) statuses.add((await as('203.0.113.9', `wrong-${i}`)).status);
  expect(statuses).toEqual(new Set([401, 429]));
  const told = await as('203.0.113.9', 'wrong');
  expect(told.status).toBe(429);
  expect(told.headers.get('retry-after')).toMatch(/^\d+$/);
  expect((await as('203.0.113.9', KEY)).status).toBe(200);
  expect((await as('203.0.113.10', 'wrong')).status).toBe(401);
});

test('who asks without a key is told so as often as it likes', async () => {
  for (let i = 0; i < 100; i++) {
    expect((await fetch(`${gateway.origin}/2026-09-01/sources`)).status).toBe(401);
  }
});

test('an address may try again after a while, and only so many are remembered', () => {
  let now = 0;
  const refusals = createRefusals({ nowMs: () => now });
  const tries = (count: number) =>
    Array.from({ length: count }, () => refusals.count('203.0.113.9')).filter(Boolean).length;
  expect(tries(100)).toBe(60);
  now += 5_000;
  expect(refusals.mayTry('203.0.113.9')).toBe(true);
  expect(tries(100)).toBe(5);
  for (let i = 0; i < 20_000; i++) refusals.count(`10.0.${Math.floor(i / 250)}.${i % 250}`);
  expect(refusals.size()).toBe(10_000);
});
