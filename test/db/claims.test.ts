import { randomBytes } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { claimFirst as claimed, purgeClaims, type FirstClaim } from '../../src/db/claims.ts';
import type { Db } from '../../src/db/pool.ts';
import { testDatabase } from '../support/postgres.ts';

const { db, drop } = await testDatabase();
afterAll(drop);

const claimOf = (owner: string, more: Partial<FirstClaim> = {}): FirstClaim => ({
  scope: 'src_1',
  key: randomBytes(32),
  owner,
  expiresAtMs: Date.now() + 60_000,
  ...more,
});

/** Claims, and tells the owners. */
async function claimFirst(at: Db, asked: FirstClaim[]): Promise<string[]> {
  return (await claimed(at, asked)).map(({ owner }) => owner);
}

test('the first owner keeps a key, and every later one is told who it is', async () => {
  const first = claimOf('a');
  expect(await claimFirst(db, [first])).toEqual(['a']);
  expect(await claimFirst(db, [{ ...first, owner: 'b' }])).toEqual(['a']);
  expect(await claimFirst(db, [first])).toEqual(['a']);
});

test('within one batch the oldest owner wins, and the answers stand in order', async () => {
  const shared = claimOf('b');
  const alone = claimOf('c');
  const answers = await claimFirst(db, [shared, alone, { ...shared, owner: 'a' }]);
  expect(answers).toEqual(['a', 'c', 'a']);
});

test('the same key in another scope is another key', async () => {
  const one = claimOf('a');
  expect(await claimFirst(db, [one, { ...one, scope: 'src_2', owner: 'b' }])).toEqual(['a', 'b']);
});

test('an expired key goes to the next claimant', async () => {
  const old = claimOf('a', { expiresAtMs: Date.now() - 1 });
  await claimFirst(db, [old]);
  expect(await claimFirst(db, [{ ...old, owner: 'b', expiresAtMs: Date.now() + 60_000 }])).toEqual([
    'b',
  ]);
});

test('of many that claim at once in overlapping batches each key has one owner, without a deadlock', async () => {
  const keys = Array.from({ length: 20 }, () => randomBytes(32));
  const batches = Array.from({ length: 10 }, (_, n) =>
    keys.map((key) => claimOf(`owner${n}`, { key })).toSorted(() => (n % 2 === 0 ? 1 : -1)),
  );
  const answers = await Promise.all(batches.map((batch) => claimFirst(db, batch)));
  for (const key of keys) {
    const told = batches.map((batch, n) => answers[n]![batch.findIndex((one) => one.key === key)]);
    expect(new Set(told).size).toBe(1);
  }
});

test('a claim of a transaction that is rolled back is nobody’s', async () => {
  const key = claimOf('a');
  const rolledBack = db.transaction(async (inside) => {
    await claimFirst(inside, [key]);
    throw new Error('back');
  });
  await expect(rolledBack).rejects.toThrow('back');
  expect(await claimFirst(db, [{ ...key, owner: 'b' }])).toEqual(['b']);
});

test('expired claims are forgotten, the others are not', async () => {
  await purgeClaims(db);
  const kept = claimOf('kept');
  await claimFirst(db, [kept, claimOf('gone', { expiresAtMs: Date.now() - 1 })]);
  expect(await purgeClaims(db)).toBe(1);
  expect(await claimFirst(db, [{ ...kept, owner: 'other' }])).toEqual(['kept']);
});
