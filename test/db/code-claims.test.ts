import sql from 'sql-template-tag';
import { afterAll, afterEach, expect, test } from 'vitest';
import { newId } from '../../src/db/ids.ts';
import { claimRequests } from '../../src/db/outbox.ts';
import { createCodeClaims, type ClaimAt } from '../../src/dispatcher/code-claims.ts';
import type { Standing } from '../../src/domain/standing.ts';
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

/** Claims until nothing is left, and says under which share and from which sources. */
async function claimAll(
  sources: string[],
  { standing, lanes = [] }: { standing: Map<string, Standing>; lanes?: string[] },
): Promise<{ share: string; sourceIds: string[] }[]> {
  const standingOf = (id: string) => standing.get(id) ?? 'unproven';
  const busy = {
    hasItsShare: (share: string) => lanes.includes(share),
    lanesFor: (isSuch: (id: string) => boolean) => lanes.filter(isSuch).length,
  };
  const claimNext = createCodeClaims({ claimAt, standingOf, busy });
  const claims = [];
  for (let next = await claimNext(sources); next; next = await claimNext(sources)) {
    claims.push({ share: next.share, sourceIds: next.claim.sourceIds });
  }
  return claims;
}

test('sources whose code is quick are claimed together, the others one at a time, suspects last', async () => {
  const [a, b, c, d, e] = await waitingSources(5);
  const quick = [a!, c!, e!].map((id) => [id, 'quick'] as const);
  const standing = new Map<string, Standing>([...quick, [b!, 'suspect']]);
  expect(await claimAll([a!, b!, c!, d!, e!], { standing })).toEqual([
    { share: 'quick', sourceIds: [a, c, e] },
    { share: d, sourceIds: [d] },
    { share: b, sourceIds: [b] },
  ]);
});

test('who has its share of lanes is passed over, be it a source or all that are quick', async () => {
  const [a, b, c] = await waitingSources(3);
  const standing = new Map<string, Standing>([[a!, 'quick']]);
  const sources = [a!, b!, c!];
  expect(await claimAll(sources, { standing, lanes: ['quick', b!] })).toMatchObject([{ share: c }]);
  expect(await claimAll(sources, { standing })).toMatchObject([{ share: 'quick' }, { share: b }]);
});

test('suspects take up their own lanes, however many they are, and leave the others theirs', async () => {
  const ids = await waitingSources(5);
  const [quick, fresh, ...suspects] = ids as [string, string, ...string[]];
  const standing = new Map<string, Standing>(suspects.map((id) => [id, 'suspect']));
  standing.set(quick, 'quick');
  // Four lanes that began while nothing was known of their sources.
  const lanes = ['gone-1', 'gone-2', 'gone-3', 'gone-4'];
  for (const id of lanes) standing.set(id, 'suspect');
  expect(await claimAll(ids, { standing, lanes })).toMatchObject([
    { share: 'quick' },
    { share: fresh },
  ]);
  expect(await claimAll(ids, { standing })).toHaveLength(suspects.length);
});
