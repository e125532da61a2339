import { randomBytes } from 'node:crypto';
import sql from 'sql-template-tag';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { trimRejected } from '../../src/db/rejected.ts';
import { insertRequests, type NewRequest } from '../../src/db/requests.ts';
import { RejectionCause } from '../../src/domain/status.ts';
import { testDatabase } from '../support/postgres.ts';
import { makeEnds, newRequest } from './rows.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const ends = await makeEnds(db);
beforeEach(async () => {
  await db.query(sql`delete from outbox`);
  await db.query(sql`delete from requests`);
  await db.query(sql`delete from request_data`);
});

const rejectionCause = RejectionCause.VerificationFailed;

/** Stores requests of 10 kB each, one after the other; returns their ids. */
async function store(count: number, more: Partial<NewRequest>): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    // Random bytes: what can be compressed takes less.
    const request = newRequest(ends, { body: randomBytes(10_000), ...more });
    await insertRequests(db, [{ request, idempotency: null, claims: [] }]);
    ids.push(request.id);
  }
  return ids;
}

async function kept(): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    sql`select r.id from requests r join request_data d on d.id = r.id order by r.id`,
  );
  return rows.map((row) => row.id);
}

const trim = (maxBytes: number) => trimRejected(db, { projectId: ends.projectId, maxBytes });

test('of what was refused the newest stay, as many as may; the rest goes with all it brought', async () => {
  const ids = await store(10, { rejectionCause });
  expect(await trim(1_000_000)).toBe(0);
  expect(await kept()).toEqual(ids);
  expect(await trim(45_000)).toBe(6);
  expect(await kept()).toEqual(ids.slice(6));
  const { rows } = await db.query(sql`select count(*)::integer as n from request_data`);
  expect(rows).toEqual([{ n: 4 }]);
});

test('what was acknowledged is not touched', async () => {
  const others = [
    ...(await store(2, { verified: true })),
    ...(await store(1, { verified: true, rejectionCause: RejectionCause.Replayed })),
    ...(await store(1, { verified: true, rejectionCause: RejectionCause.SourceDisabled })),
  ];
  const wrongMethod = RejectionCause.UnsupportedHttpMethod;
  await store(3, { rejectionCause, rejectionDetail: { reason: 'MISSING_SIGNATURE' } });
  await store(2, { rejectionCause: wrongMethod });
  expect(await trim(1)).toBe(5);
  expect(await kept()).toEqual(others.toSorted());
});

test('what waited for a key in vain has a share of its own: a flood of other refusals does not push it out', async () => {
  const waited = { rejectionCause, rejectionDetail: { reason: 'KEY_UNAVAILABLE' } };
  const inVain = await store(3, waited);
  const flood = await store(6, { rejectionCause, rejectionDetail: { reason: 'MALFORMED' } });
  expect(await trim(45_000)).toBe(2);
  expect(await kept()).toEqual([...inVain, ...flood.slice(2)]);
  const more = await store(3, waited);
  expect(await trim(45_000)).toBe(2);
  expect(await kept()).toEqual([inVain[2], ...flood.slice(2), ...more]);
});
