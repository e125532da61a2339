import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { createAnswered } from '../../src/activities/answered.ts';
import { createCircuits } from '../../src/activities/circuit.ts';
import { beginAttempts } from '../../src/db/attempts.ts';
import type { Destination } from '../../src/db/configuration.ts';
import { destinations, enableDestination } from '../../src/db/destinations.ts';
import { openGate } from '../../src/db/gates.ts';
import { lookAtEvents } from '../../src/db/look.ts';
import type { AttemptOutcome } from '../../src/domain/outcome.ts';
import { createLog } from '../../src/log.ts';
import { makeEnds, makeEvents, type Ends } from '../db/rows.ts';
import { testDatabase } from '../support/postgres.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const log = createLog({ level: 'silent', name: 'test' });
const URL = 'http://localhost';
const DAY_MS = 86_400_000;

const answer = (responseStatus: number, retryAfterMs: number | null = null) =>
  ({
    kind: responseStatus < 300 ? 'delivered' : 'failed',
    responseStatus,
    retryAfter: retryAfterMs === null ? null : { kind: 'at-least', ms: retryAfterMs },
  }) as AttemptOutcome;

function setUp(ends: Ends, config: object = {}) {
  const destination = {
    id: ends.destinationId,
    config: { url: URL, ...config },
  } as unknown as Destination;
  const circuits = createCircuits();
  const answered = createAnswered({ db, circuits, log, retryAfterMaxMs: DAY_MS });
  const find = async () => {
    const { projectId, destinationId: id } = ends;
    return (await destinations.find(db, { projectId, id }))!;
  };
  const obey = (outcome: AttemptOutcome) => answered.obey(outcome, { destination, id: 'atm_1' });
  return { destination, circuits, answered, obey, find };
}

async function begun(eventIds: string[]) {
  const found = await beginAttempts(db, { eventIds, workflowId: 'w', nowMs: Date.now() });
  return found.map((event) => event.kind);
}

test.each([429, 503])(
  'a %i with a Retry-After holds every event of the destination',
  async (status) => {
    const ends = await makeEnds(db);
    const eventIds = await makeEvents(db, ends, 2);
    const { obey, circuits } = setUp(ends);
    await obey(answer(status, 60_000));
    expect(circuits.state(ends.destinationId)).toMatchObject({ open: true });
    expect(await begun(eventIds)).toEqual(['withheld', 'withheld']);
    const nowMs = Date.now();
    const looks = await lookAtEvents(db, { eventIds, nowMs });
    expect(looks.map((look) => look.kind)).toEqual(['withheld', 'withheld']);
    const later = await lookAtEvents(db, { eventIds, nowMs: nowMs + 61_000 });
    expect(later.map((look) => look.kind)).toEqual(['ready', 'ready']);
  },
);

test.each([
  ['another failure', answer(500, 60_000)],
  ['a success', answer(200, 60_000)],
  ['no Retry-After', answer(503)],
  ['one that is over', answer(503, 0)],
])('%s holds nothing', async (_what, outcome) => {
  const ends = await makeEnds(db);
  const eventIds = await makeEvents(db, ends);
  await setUp(ends).obey(outcome);
  expect(await begun(eventIds)).toEqual(['begun']);
});

test('a shorter wait that is heard of later does not shorten the hold', async () => {
  const ends = await makeEnds(db);
  const { obey, find } = setUp(ends);
  await obey(answer(503, 60_000));
  const { held_until: until } = await find();
  await setUp(ends).obey(answer(503, 1_000));
  expect((await find()).held_until).toEqual(until);
});

test.each(['the destination is given another URL', 'it is enabled', 'it is resumed'])(
  'a hold is over when %s',
  async (how) => {
    const ends = await makeEnds(db);
    const { destinationId: id } = ends;
    const eventIds = await makeEvents(db, ends);
    await setUp(ends).obey(answer(503, 60_000));
    if (how.includes('URL')) {
      await db.query(
        sql`update destinations set config = '{"url":"http://other"}' where id = ${id}`,
      );
    } else if (how.includes('enabled')) await enableDestination(db, id);
    else await openGate(db, { kind: 'destination', id });
    expect(await begun(eventIds)).toEqual(['begun']);
  },
);

test('the longest wait is a setting, and holds for the event as for its destination', async () => {
  const ends = await makeEnds(db);
  const { answered, destination, obey, find } = setUp(ends);
  const outcome = answered.meant(answer(503, 400 * DAY_MS), destination);
  expect(outcome).toMatchObject({ retryAfter: { kind: 'at-least', ms: DAY_MS } });
  await obey(outcome);
  const heldMs = (await find()).held_until!.getTime() - Date.now();
  expect(heldMs).toBeLessThanOrEqual(DAY_MS);
  expect(heldMs).toBeGreaterThan(DAY_MS - 60_000);
});

test('410 Gone ends the retries and disables the destination, which says why until it is enabled', async () => {
  const ends = await makeEnds(db);
  const { answered, destination, obey, find } = setUp(ends);
  const outcome = answered.meant(answer(410), destination);
  expect(outcome).toMatchObject({ retryAfter: { kind: 'stop' } });
  await obey(outcome);
  const disabled = await find();
  expect(disabled).toMatchObject({ disabled_at: expect.any(Date) });
  expect(disabled.disabled_reason).toMatch(/410 Gone.*atm_1/);
  await enableDestination(db, ends.destinationId);
  expect(await find()).toMatchObject({ disabled_at: null, disabled_reason: null });
});

test('410 Gone is a failure like any other where the destination says so', async () => {
  const ends = await makeEnds(db);
  const { answered, destination, obey, find } = setUp(ends, { disable_on_gone: false });
  expect(answered.meant(answer(410, 5), destination)).toMatchObject({ retryAfter: { ms: 5 } });
  await obey(answer(410));
  expect(await find()).toMatchObject({ disabled_at: null });
});

test('410 Gone of a URL that it has no longer disables nothing', async () => {
  const ends = await makeEnds(db);
  const { obey, find } = setUp(ends, { url: 'http://before' });
  await obey(answer(410));
  expect(await find()).toMatchObject({ disabled_at: null });
});
