import { createHash } from 'node:crypto';
import sql from 'sql-template-tag';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../src/db/ids.ts';
import { insertRequests, type Arrival, type NewRequest } from '../../src/db/requests.ts';
import { listDispatched } from '../../src/db/routing.ts';
import type { RequestRow } from '../../src/db/request-reads.ts';
import { testDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const HOUR_MS = 3_600_000;
let sources = 0;
const newSource = () => `src_${String(++sources).padStart(20, '0')}`;

function key(text: string, expiresAtMs = Date.now() + HOUR_MS) {
  return { hash: createHash('sha256').update(text).digest(), expiresAtMs };
}

function arrival(
  sourceId: string,
  { once, ...request }: Partial<NewRequest> & { once?: string } = {},
): Arrival {
  const receivedAtMs = Date.now();
  return {
    request: {
      id: newId('request', receivedAtMs),
      projectId: 'tm_1',
      sourceId,
      kind: 'event',
      method: 'POST',
      path: '',
      query: '',
      headers: [],
      body: Buffer.from('{}'),
      remoteAddress: null,
      verified: true,
      rejectionCause: null,
      rejectionDetail: null,
      receivedAtMs,
      ...request,
    },
    idempotency: once === undefined ? null : key(once),
    claims: [],
  };
}

const store = (arrivals: Arrival[]) => insertRequests(database.db, arrivals);
async function rowsOf(sourceId: string): Promise<RequestRow[]> {
  const { rows } = await database.db.query<RequestRow>(
    sql`select * from requests where source_id = ${sourceId} order by id`,
  );
  return rows;
}
async function waiting(sourceId: string): Promise<number> {
  const { rows } = await database.db.query(sql`select 1 from outbox where source_id = ${sourceId}`);
  return rows.length;
}

test('what became of each request stands in the order of the batch', async () => {
  const source = newSource();
  const batch = [
    arrival(source),
    arrival(source, { once: 'a' }),
    arrival(source, { once: 'a' }),
    arrival(source, { rejectionCause: 'SCHEMA_VIOLATION', rejectionDetail: { reason: 'x' } }),
  ];
  const ids = batch.map(({ request }) => request.id);
  expect(await store(batch)).toEqual([
    { requestId: ids[0], isRepeat: false },
    { requestId: ids[1], isRepeat: false },
    { requestId: ids[1], isRepeat: true },
    { requestId: ids[3], isRepeat: false },
  ]);
  expect(await rowsOf(source)).toMatchObject([
    { id: ids[0], rejection_cause: null },
    { id: ids[1], rejection_cause: null },
    { id: ids[3], rejection_cause: 'SCHEMA_VIOLATION', rejection_detail: { reason: 'x' } },
  ]);
  expect(await waiting(source)).toBe(2);
});

test('a key belongs to one source', async () => {
  const batch = [newSource(), newSource()].map((source) => arrival(source, { once: 'k' }));
  expect((await store(batch)).map(({ isRepeat }) => isRepeat)).toEqual([false, false]);
});

test('a key that has expired is free again', async () => {
  const source = newSource();
  const first = arrival(source, { once: 'k' });
  first.idempotency = key('k', Date.now() - 1_000);
  const [stored] = await store([first]);
  const [again] = await store([arrival(source, { once: 'k' })]);
  expect([stored?.isRepeat, again?.isRepeat]).toEqual([false, false]);
});

test('what is claimed later waits with the request', async () => {
  const source = newSource();
  const claims = [{ ...key('k'), replay: true }];
  const kept = { ...arrival(source), claims };
  await store([kept, arrival(source)]);
  const requestIds = [kept.request.id];
  await database.db.query(
    sql`update outbox set dispatch_id = 'dsp_1' where request_id = any(${requestIds})`,
  );
  const dispatched = await listDispatched(database.db, { dispatchId: 'dsp_1', requestIds });
  expect(dispatched).toMatchObject([{ id: kept.request.id, claims }]);
});

test('a verdict that is still to be taken is marked in the outbox, a handshake does not get there', async () => {
  const source = newSource();
  const late = arrival(source, { verified: null });
  await store([late, arrival(source, { kind: 'handshake' })]);
  const { rows } = await database.db.query(
    sql`select request_id, unverified from outbox where source_id = ${source}`,
  );
  expect(rows).toEqual([{ request_id: late.request.id, unverified: true }]);
});

describe('batches of several processes that share keys', () => {
  test('never wait for each other in a circle, and store each key once', async () => {
    const source = newSource();
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
    const batchOf = (order: string[]) => order.map((text) => arrival(source, { once: text }));
    const orders = [keys, keys.toReversed(), keys.toSorted(), keys.toSorted().toReversed()];
    const results = await Promise.all(
      Array.from({ length: 5 }, () => orders)
        .flat()
        .map((order) => store(batchOf(order))),
    );
    const stored = results.flat().filter(({ isRepeat }) => !isRepeat);
    expect(stored).toHaveLength(keys.length);
    expect(await rowsOf(source)).toHaveLength(keys.length);
    const told = new Set(results.flat().map(({ requestId }) => requestId));
    expect(told).toEqual(new Set(stored.map(({ requestId }) => requestId)));
  });
});
