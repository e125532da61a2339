import { randomInt } from 'node:crypto';
import sql from 'sql-template-tag';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createTrials } from '../../src/activities/routing/trials.ts';
import { newId } from '../../src/db/ids.ts';
import { openDispatcherSession } from '../../src/db/outbox-session.ts';
import { reclaimRequests, releaseClaims } from '../../src/db/outbox.ts';
import { listDispatched } from '../../src/db/routing.ts';
import { claimSuspects, MOST_TRIALS } from '../../src/db/suspects.ts';
import { testDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { claim, makeEnds, storeRequests } from './rows.ts';

const { db, url, drop } = await testDatabase();
afterAll(drop);
afterEach(() => db.query(sql`delete from outbox`));
const ends = await makeEnds(db);

const HOUR_MS = 3_600_000;
const anyDispatcher = () => randomInt(1, 2 ** 31 - 1);
const suspects = ({ risky = true, claimedBy = anyDispatcher() } = {}) =>
  claimSuspects(db, { dispatchId: newId('dispatch'), claimedBy, risky });
const die = () => reclaimRequests(db, { staleMs: HOUR_MS });

/** Begins work on a dispatch, as a process does that lives or dies of it. */
async function begin(
  dispatch: { dispatchId: string; requestIds: string[] },
  trials = createTrials({ db }),
) {
  const found = await listDispatched(db, dispatch);
  const { waiting, spent } = await trials.begin(dispatch, found);
  return { waiting: waiting.map(({ id }) => id), spent: spent.map(({ id }) => id), rows: found };
}

describe('requests that a dispatcher held when it died', () => {
  test('are claimed by no ordinary lane, and by that of suspects a few at a time', async () => {
    const ids = await storeRequests(db, ends, 40);
    await claim(db, { claimedBy: anyDispatcher() });
    expect(await die()).toBe(40);
    expect((await claim(db)).requestIds).toEqual([]);
    const first = await suspects();
    expect(first.requestIds).toEqual(ids.slice(0, 16));
    expect((await suspects()).requestIds).toEqual(ids.slice(16, 32));
  });

  test('go alone once a process died while it was at them', async () => {
    const ids = await storeRequests(db, ends, 3);
    await claim(db, { claimedBy: anyDispatcher() });
    await die();
    const together = await suspects();
    expect(together.requestIds).toEqual(ids);
    await begin(together);
    await die();
    expect((await suspects({ risky: false })).requestIds).toEqual([]);
    expect((await suspects()).requestIds).toEqual([ids[0]]);
    expect((await suspects()).requestIds).toEqual([ids[1]]);
  });

  test('are set apart after so many deaths, and not one sooner', async () => {
    const [id] = await storeRequests(db, ends, 1);
    await claim(db, { claimedBy: anyDispatcher() });
    for (let deaths = 0; deaths < MOST_TRIALS; deaths++) {
      await die();
      expect(await begin(await suspects())).toMatchObject({ waiting: [id], spent: [] });
    }
    await die();
    expect(await begin(await suspects())).toMatchObject({ waiting: [], spent: [id] });
  });
});

describe('nothing is counted against a request', () => {
  test('that was claimed and not begun, however often its process died', async () => {
    const [id] = await storeRequests(db, ends, 1);
    await claim(db, { claimedBy: anyDispatcher() });
    for (let deaths = 0; deaths < 8; deaths++) {
      await die();
      expect((await suspects({ risky: false })).requestIds).toEqual([id]);
    }
  });

  test('that was begun by a process which then stopped in order', async () => {
    const [id] = await storeRequests(db, ends, 1);
    await claim(db, { claimedBy: anyDispatcher() });
    await die();
    for (let stops = 0; stops < 8; stops++) {
      const claimedBy = anyDispatcher();
      const dispatch = await suspects({ risky: false, claimedBy });
      expect((await begin(dispatch)).waiting).toEqual([id]);
      await releaseClaims(db, { claimedBy });
    }
  });

  test('whose work ended with an error that its process outlived', async () => {
    const [id] = await storeRequests(db, ends, 1);
    await claim(db, { claimedBy: anyDispatcher() });
    const trials = createTrials({ db });
    await die();
    for (let outages = 0; outages < 8; outages++) {
      const dispatch = await suspects();
      const { waiting, rows } = await begin(dispatch, trials);
      expect(waiting).toEqual([id]);
      // PostgreSQL went away, and with it the lock of the dispatcher.
      trials.outlived(rows);
      await die();
    }
  });

  test('that is begun twice in one dispatch: a step is repeated where PostgreSQL was away', async () => {
    const [id] = await storeRequests(db, ends, 1);
    await claim(db, { claimedBy: anyDispatcher() });
    await die();
    const dispatch = await suspects();
    for (let n = 0; n < 8; n++) expect((await begin(dispatch)).waiting).toEqual([id]);
  });
});

test('what an ordinary stop gives back is claimed by ordinary lanes', async () => {
  const ids = await storeRequests(db, ends, 2);
  const claimedBy = anyDispatcher();
  await claim(db, { claimedBy });
  await releaseClaims(db, { claimedBy });
  expect((await claim(db)).requestIds).toEqual(ids);
});

test('a workflow that Temporal hands on does not bring the death of its process along', async () => {
  const ids = await storeRequests(db, ends, 2);
  const dead = await claim(db, { claimedBy: anyDispatcher() });
  const session = await openDispatcherSession(url, { onWork() {}, onError() {} });
  const trials = createTrials({ db, dispatcherId: () => session.id });
  expect(await begin(dead, trials)).toMatchObject({ waiting: [], spent: [] });
  expect((await suspects()).requestIds).toEqual(ids);
  await session.close();
});

test('a dispatch of another process that lives is worked on', async () => {
  const ids = await storeRequests(db, ends, 2);
  const other = await openDispatcherSession(url, { onWork() {}, onError() {} });
  const dispatch = await claim(db, { claimedBy: other.id });
  const trials = createTrials({ db, dispatcherId: anyDispatcher });
  expect((await begin(dispatch, trials)).waiting).toEqual(ids);
  await other.close();
  await until('its lock to be gone', async () => (await die()) === 2);
});
