import sql from 'sql-template-tag';
import { afterAll, afterEach, expect, test } from 'vitest';
import { newId } from '../../src/db/ids.ts';
import { claimRequests } from '../../src/db/outbox.ts';
import { createCodeClaims, type ClaimAt } from '../../src/dispatcher/code-claims.ts';
import { makeEnds, storeRequests } from '../db/rows.ts';
import { testDatabase } from '../support/postgres.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
afterEach(() => db.query(sql`truncate outbox`));

const claimAt: ClaimAt = ({ afterSourceId, ...lane }) =>
  claimRequests(db, {
    dispatchId: newId('dispatch'),
    claimedBy: 1,
    afterSourceId,
    limit: 50,
    lane: { ...lane, serves: 'these' },
  });

/** So many sources with two requests each, by id. */
async function waitingSources(n: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < n; i++) {
    const ends = await makeEnds(db);
    await storeRequests(db, ends, 2);
    ids.push(ends.sourceId);
  }
  return ids.toSorted();
}

test('sources whose code is quick are claimed together, the others one at a time', async () => {
  const sources = await waitingSources(5);
  const quick = new Set([sources[0], sources[2], sources[4]]);
  const claimNext = createCodeClaims({
    claimAt,
    isQuick: (id) => quick.has(id),
    hasItsShare: () => false,
  });
  const claims = [];
  for (let next = await claimNext(sources); next; next = await claimNext(sources)) {
    claims.push({ share: next.share, sourceIds: next.claim.sourceIds });
  }
  expect(claims).toEqual([
    { share: 'quick', sourceIds: [...quick] },
    { share: sources[1], sourceIds: [sources[1]] },
    { share: sources[3], sourceIds: [sources[3]] },
  ]);
});

test('who has its share of lanes is passed over, be it a source or all that are quick', async () => {
  const sources = await waitingSources(3);
  const busy = new Set(['quick', sources[1]]);
  const claimNext = createCodeClaims({
    claimAt,
    isQuick: (id) => id === sources[0],
    hasItsShare: (share) => busy.has(share),
  });
  expect(await claimNext(sources)).toMatchObject({ share: sources[2] });
  expect(await claimNext(sources)).toBeNull();
  busy.clear();
  expect(await claimNext(sources)).toMatchObject({ share: 'quick' });
  expect(await claimNext(sources)).toMatchObject({ share: sources[1] });
});
