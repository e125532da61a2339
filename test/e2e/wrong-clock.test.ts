import sql from 'sql-template-tag';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/db/pool.ts';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { shiftedClock } from '../support/shifted-clock.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin } = gateway;
const db = openDatabase(gateway.databaseUrl, { max: 1, onError: () => {} });
afterAll(() => db.close());

const AHEAD_S = 31.5 * 86_400;

function secondsIn(text: string | undefined, pattern: RegExp): number {
  return Number(pattern.exec(text ?? '')?.[1]);
}

async function partitions(): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(sql`
    select relname as name from pg_class where relname ~ '^events_[0-9]{8}$' order by 1`);
  return rows.map((row) => row.name);
}

async function metricsText(): Promise<string> {
  const headers = { authorization: `Bearer ${gateway.apiKey}` };
  return (await fetch(`${gateway.url()}/metrics`, { headers })).text();
}

async function readiness(): Promise<Json> {
  return (await fetch(`${gateway.url()}/readyz`)).json();
}

test('a worker whose clock is a month ahead says so, removes nothing, and delivers what was held', async () => {
  const { destinationId } = await admin.define({ name: 'held', url: receiver.url('held') });
  await admin.done('PUT', `/destinations/${destinationId}/pause`);
  const requestIds = await Promise.all(
    Array.from({ length: 3 }, async () => requestIdOf(await admin.post('held'))),
  );
  const isHeld = ({ status }: Json) => status === 'HOLD';
  for (const id of requestIds) await admin.eventWhere(id, { what: 'is held', wanted: isHeld });
  const before = await partitions();

  const ahead = await gateway.add('worker', shiftedClock('+31.5d'));
  onTestFinished(async () => void (await ahead.stop()));
  await until('its word on its clock', () => /"level":50.*clock is wrong/.test(ahead.output()));
  await until('its word on what it leaves', () => /Nothing is removed/.test(ahead.output()));
  await gateway.worker.stop();
  expect(await partitions()).toEqual(before);
  expect((await db.query(sql`select 1 from events where status = 'HOLD'`)).rowCount).toBe(3);
  const { status, notes } = await until('a note for whoever watches', async () => {
    const ready = await readiness();
    return ready['notes'] ? ready : null;
  });
  expect(status).toBe('ready');
  const [note] = notes as string[];
  expect(notes).toHaveLength(1);
  expect(secondsIn(note, /^The clock of \S+ is (\S+) s ahead of Postgre/)).toBeCloseTo(AHEAD_S, -2);
  const metrics = await metricsText();
  const gauge = /sluice_clock_ahead_seconds\{process="[^"]+"\} (\S+)/;
  expect(secondsIn(metrics, gauge)).toBeCloseTo(AHEAD_S, -2);

  await admin.done('PUT', `/destinations/${destinationId}/unpause`);
  for (const id of requestIds) {
    const wanted = (event: Json) => event['status'] === 'SUCCESSFUL';
    await admin.eventWhere(id, { what: 'is delivered', wanted });
  }
  const { rows } = await db.query<{ off: number }>(sql`
    select max(greatest(abs(extract(epoch from now() - created_at)), abs(extract(epoch from now() - responded_at))))::integer
      as off from attempts`);
  expect(rows[0]!.off).toBeLessThan(120);
  await gateway.worker.start();
}, 120_000);

test('what arrives at an api process whose clock is hours behind has the time at which it arrived', async () => {
  await admin.define({ name: 'late', url: receiver.url('late') });
  const behind = await gateway.add('api', shiftedClock('-5h'));
  const requestId = requestIdOf(await behind.admin.post('late'));
  await receiver.nth('late', 1);
  const request = await admin.done('GET', `/requests/${requestId}`);
  expect(Math.abs(Date.parse(request['ingested_at']) - Date.now())).toBeLessThan(60_000);
  const next = requestIdOf(await admin.post('late'));
  expect(requestId < next).toBe(true);
  await behind.stop();
  await until('the note to be gone', async () => !(await readiness())['notes'], {
    withinMs: 30_000,
  });
});
