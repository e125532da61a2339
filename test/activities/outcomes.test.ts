import { expect, test } from 'vitest';
import { createFlights, Stopping } from '../../src/activities/flights.ts';
import { createOutcomes } from '../../src/activities/outcomes.ts';
import type { FinishedAttempt } from '../../src/db/attempts.ts';
import { attemptId, eventId, newId } from '../../src/db/ids.ts';
import type { Database } from '../../src/db/pool.ts';
import { createLog } from '../../src/log.ts';

const log = createLog({ level: 'silent', name: 'test' });

function outcome(): FinishedAttempt {
  const event = eventId(newId('request'), newId('connection'));
  return {
    attemptId: attemptId(event, 1),
    eventId: event,
    number: 1,
    status: 'SUCCESSFUL',
    automaticAttempts: 1,
    responseStatus: 200,
    errorCode: null,
    message: null,
    requestedUrl: null,
    httpMethod: null,
    responseHeaders: null,
    responseBody: Buffer.alloc(0),
    bodyTruncated: false,
    deliveredAtMs: null,
    respondedAtMs: 0,
    latencyMs: 1,
    eventStatus: 'SUCCESSFUL',
    nextAttemptAtMs: null,
  };
}

/** A PostgreSQL that refuses what it is asked, as often as `faults` says. */
function failing(faults: (Error | null)[]) {
  let asked = 0;
  const db = {
    query() {
      const fault = faults[asked++] ?? null;
      return fault ? Promise.reject(fault) : Promise.resolve({ rows: [], rowCount: 0 });
    },
  };
  return { db: db as unknown as Database, asked: () => asked };
}

const away = () => new Error('Connection terminated unexpectedly');
const refused = () => Object.assign(new Error('invalid'), { code: '22P05' });

test('an outcome is written again until PostgreSQL takes it', async () => {
  const { db, asked } = failing([away(), away(), null]);
  await createOutcomes({ db, flights: createFlights(), log }).add(outcome());
  expect(asked()).toBe(3);
});

test('an outcome that PostgreSQL will not take whole is kept without what the receiver said', async () => {
  const written: unknown[] = [];
  const db = {
    query({ values }: { values: [string] }) {
      const [first] = JSON.parse(values[0]) as Record<string, unknown>[];
      written.push(first);
      return first?.['message'] === 'poison' ? Promise.reject(refused()) : Promise.resolve({});
    },
  } as unknown as Database;
  const outcomes = createOutcomes({ db, flights: createFlights(), log });
  await Promise.all([
    outcomes.add({ ...outcome(), message: 'poison', responseStatus: 2 ** 40 }),
    outcomes.add(outcome()),
  ]);
  expect(written.at(-2)).toMatchObject({ status: 'SUCCESSFUL', response_status: null });
  expect(written).toHaveLength(4);
});

test('an outcome that PostgreSQL will never take fails alone', async () => {
  const { db } = failing([refused(), refused(), refused(), null]);
  const outcomes = createOutcomes({ db, flights: createFlights(), log });
  const [bad, good] = await Promise.allSettled([outcomes.add(outcome()), outcomes.add(outcome())]);
  expect([bad.status, good.status]).toEqual(['rejected', 'fulfilled']);
});

test('a process that ends does not go on trying', async () => {
  const { db } = failing([away()]);
  const flights = createFlights();
  flights.giveUp();
  const outcomes = createOutcomes({ db, flights, log });
  await expect(outcomes.add(outcome())).rejects.toThrow(Stopping);
});
