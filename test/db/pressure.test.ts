import { afterAll, expect, test } from 'vitest';
import sql from 'sql-template-tag';
import { announcePressure, announceWork } from '../../src/db/outbox-session.ts';
import { createCredits } from '../../src/dispatcher/credits.ts';
import { startDispatcher, type Dispatcher } from '../../src/dispatcher/dispatcher.ts';
import { createLog } from '../../src/log.ts';
import type { Workflows } from '../../src/temporal/workflows.ts';
import type { Configuration } from '../../src/db/configuration-cache.ts';
import { testDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { makeEnds, storeRequests } from './rows.ts';

const { url, db, drop } = await testDatabase();
const ends = await makeEnds(db);

// Time that passes by the hand of the test: waiting takes none.
let nowMs = 0;
const credits = createCredits({
  now: () => nowMs,
  wait: (ms) => new Promise((resolve) => waiting.push({ atMs: nowMs + ms, resolve })),
});
let waiting: { atMs: number; resolve: (value: unknown) => void }[] = [];
function pass(ms: number): void {
  nowMs += ms;
  const over = waiting.filter(({ atMs }) => atMs <= nowMs);
  waiting = waiting.filter(({ atMs }) => atMs > nowMs);
  for (const { resolve } of over) resolve(null);
}

let heard = 0;
let begun: string[] = [];
const workflows = {
  // Routed as soon as it is begun.
  async startDispatch({ dispatchId, requestIds }: { dispatchId: string; requestIds: string[] }) {
    begun.push(...requestIds);
    await db.query(sql`delete from outbox where request_id = any(${requestIds})`);
    dispatcher.routed(dispatchId);
  },
} as Workflows;
const dispatcher: Dispatcher = await startDispatcher({
  database: db,
  databaseUrl: url,
  configuration: { sourcesWithCode: () => [], source: () => null } as unknown as Configuration,
  workflows,
  standingOf: () => 'quick',
  log: createLog({ level: 'silent', name: 'test' }),
  credits,
  onPressure() {
    heard++;
    credits.press();
  },
  maxBatch: 200,
  concurrency: 1,
});
afterAll(async () => {
  const stopped = dispatcher.stop();
  pass(1_000);
  await stopped;
  await dispatcher.close();
  await drop();
});

/** What an API process says while it acknowledges slowly; returns when it has been heard. */
async function say(): Promise<void> {
  pass(200);
  const before = heard;
  await announcePressure(db);
  await until('it to be heard', () => heard > before);
}

test('a dispatcher gives way while requests are acknowledged slowly, and makes up for it afterwards', async () => {
  const first = await storeRequests(db, ends, 100);
  await announceWork(db);
  await until('the first to be routed', () => begun.length === first.length);

  for (let n = 0; n < 10; n++) await say();
  expect(credits.perSecond()).toBeLessThan(70);
  begun = [];
  const backlog = await storeRequests(db, ends, 2_000);
  await announceWork(db);
  for (let ms = 0; ms < 250; ms += 50) {
    await until('it to look', () => waiting.length > 0);
    pass(50);
  }
  // What may begin in 250 ms, and what had gathered.
  expect(begun.length).toBeGreaterThan(0);
  expect(begun.length).toBeLessThanOrEqual(18 + 17);

  // Nobody says anything any more.
  pass(3_000);
  expect(credits.perSecond()).toBe(Infinity);
  await until('all to be routed', () => begun.length === backlog.length, { withinMs: 30_000 });
  expect(new Set(begun)).toEqual(new Set(backlog));
});
