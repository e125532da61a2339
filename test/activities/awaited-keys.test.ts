import sql from 'sql-template-tag';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readBacklog } from '../../src/db/backlog.ts';
import { reclaimRequests } from '../../src/db/outbox.ts';
import { openDispatcherSession } from '../../src/db/outbox-session.ts';
import { requeueRequest } from '../../src/db/recovery.ts';
import { startIngest, type Ingest } from '../api/ingest/ingest.ts';
import { NOWHERE_URL, snsMessage, snsNetwork, snsRequest } from '../api/ingest/sns.ts';
import { until } from '../support/until.ts';
import { createVerdicts, type Changes } from './verdicts.ts';

let ingest: Ingest;
let network = snsNetwork();
let settledTimes = 0;
beforeAll(async () => {
  ingest = await startIngest();
});
beforeEach(async () => {
  network = snsNetwork();
  settledTimes = 0;
  await ingest.db.query(sql`delete from outbox`);
});
afterAll(() => ingest.close());

const verdicts = createVerdicts({ ingest: () => ingest, keys: () => network.keys });
const { claim, routable, rowOf } = verdicts;
const soon = { lookEveryMs: 20, onSettled: () => settledTimes++ };
const activities = (changes?: Changes) => verdicts.activities({ ...soon, ...changes });
const verify = (changes?: Changes) => verdicts.verify({ ...soon, ...changes });
afterEach(() => verdicts.close());

describe('a key server that is away', () => {
  /** Takes a request to a source of Amazon's in, while its key server is away, and has it looked at. */
  async function waiting(messageId: string, changes?: Changes) {
    const source = await ingest.source('AWS_SNS');
    const { kept } = await ingest.sendTo(source, snsRequest(snsMessage({ MessageId: messageId })));
    network.state.isAway = true;
    await verify(changes);
    return { source, id: kept[0]!.id };
  }

  test('holds up no other request, and the verdict is taken as soon as it is back', async () => {
    const sns = await ingest.source('AWS_SNS');
    const plain = await ingest.source('WEBHOOK');
    const waits = (await ingest.sendTo(sns, snsRequest(snsMessage({ MessageId: 'm-4' })))).kept[0]!;
    const other = (await ingest.sendTo(plain, { body: '{}' })).kept[0]!;
    network.state.isAway = true;
    const dispatch = await claim();
    await activities().verifyRequests(dispatch);
    expect(await routable(dispatch.dispatchId)).toEqual([other.id]);
    expect(await rowOf(waits.id)).toMatchObject({ verified: null, rejection_cause: null });
    expect((await claim()).requestIds).toEqual([]);

    network.state.isAway = false;
    await until('the dispatchers to hear of it', () => settledTimes > 0);
    const next = await claim();
    expect(next.requestIds).toEqual([waits.id]);
    await activities().verifyRequests(next);
    expect(await rowOf(waits.id)).toMatchObject({ verified: true, rejection_detail: null });
    expect(await routable(next.dispatchId)).toEqual([waits.id]);
  });

  test('is said of each request that waits: since when, and for whom', async () => {
    const { id, source } = await waiting('m-5');
    const detail = {
      reason: 'KEY_UNAVAILABLE',
      hint: expect.stringMatching(/^the key server sns\.\S+\.amazonaws\.com could not be reached$/),
      waiting_since: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    };
    const first = await rowOf(id);
    expect(first).toMatchObject({
      verified: null,
      rejection_cause: null,
      rejection_detail: detail,
    });
    expect(ingest.logged).toContainEqual(expect.objectContaining({ source, hint: detail.hint }));
    // However often it is looked at, it has waited since then.
    await ingest.db.query(sql`update outbox set dispatch_id = null`);
    await verify();
    expect((await rowOf(id))['rejection_detail']).toEqual(first['rejection_detail']);
    expect((await readBacklog(ingest.db)).awaitingKeys).toBe(1);
  });

  test('is asked ever more seldom, for a few of all that wait, and never gives up on them that day', async () => {
    const { source } = await waiting('m-6', { longestWaitMs: 100 });
    for (const id of ['m-7', 'm-8', 'm-9', 'm-10']) {
      await ingest.sendTo(source, snsRequest(snsMessage({ MessageId: id })));
    }
    const before = network.state.asked;
    const made = activities({ longestWaitMs: 100 });
    await made.verifyRequests(await claim());
    const rows = await ingest.rowsOf(source);
    expect(rows.map((row) => row.rejection_cause)).toEqual(Array(5).fill(null));
    await until('it to be asked again and again', () => network.state.asked > before + 3, {
      withinMs: 30_000,
    });
    expect((await claim()).requestIds).toEqual([]);
    expect(await ingest.waiting(source)).toHaveLength(5);
  });

  test('is that of a request alone where its sender chose the address: others of its source are accepted', async () => {
    const source = await ingest.source('AWS_SNS');
    const send = async (changes: Record<string, string>) =>
      (await ingest.sendTo(source, snsRequest(snsMessage(changes)))).kept[0]!.id;
    const made = activities({ lookEveryMs: 600_000 });
    const stranger = await send({ MessageId: 'm-14', SigningCertURL: NOWHERE_URL });
    await made.verifyRequests(await claim());
    expect(await rowOf(stranger)).toMatchObject({
      verified: null,
      rejection_detail: { reason: 'KEY_UNAVAILABLE' },
    });
    const good = await send({ MessageId: 'm-15' });
    await made.verifyRequests(await claim());
    expect(await rowOf(good)).toMatchObject({ verified: true, rejection_cause: null });
  });

  test('is noticed to be back though the oldest and the newest that wait name a key that is nowhere', async () => {
    const source = await ingest.source('AWS_SNS');
    network.state.isAway = true;
    const ids: string[] = [];
    for (const changes of [{ SigningCertURL: NOWHERE_URL }, {}, { SigningCertURL: NOWHERE_URL }]) {
      const message = snsMessage({ MessageId: `m-16-${ids.length}`, ...changes });
      ids.push((await ingest.sendTo(source, snsRequest(message))).kept[0]!.id);
    }
    await activities({ longestWaitMs: 50 }).verifyRequests(await claim());
    expect((await claim()).requestIds).toEqual([]);
    network.state.isAway = false;
    await until('the dispatchers to hear of it', () => settledTimes > 0);
    const next = await claim();
    expect(next.requestIds.toSorted()).toEqual(ids.toSorted());
    await activities().verifyRequests(next);
    expect(await rowOf(ids[1]!)).toMatchObject({ verified: true, rejection_cause: null });
  });

  test('holds up what waits through the end of the worker: another one goes on', async () => {
    const { id } = await waiting('m-11');
    verdicts.close();
    network.state.isAway = false;
    activities();
    await until('the other worker to hear of it', () => settledTimes > 0);
    expect((await claim()).requestIds).toEqual([id]);
  });

  test('is waited for by a request of a dispatcher that lives, however long that takes', async () => {
    const { id } = await waiting('m-12', { lookEveryMs: 600_000 });
    await ingest.db.query(sql`update outbox set claimed_at = now() - interval '3 hours'`);
    const session = await openDispatcherSession(ingest.databaseUrl, { onWork() {}, onError() {} });
    await ingest.db.query(sql`update outbox set claimed_by = ${session.id}`);
    expect(await reclaimRequests(ingest.db, { staleMs: 600_000 })).toBe(0);
    await session.close();
    await until('the dispatcher to be gone', async () => {
      return (await reclaimRequests(ingest.db, { staleMs: 600_000 })) > 0;
    });
    expect((await claim()).requestIds).toEqual([id]);
  });

  test('for too long: the request is rejected with that reason, and accepted when it is retried later', async () => {
    const changes = { giveUpAfterMs: 300 };
    const { id, source } = await waiting('m-13', changes);
    const row = await until('the rejection', async () => {
      await activities(changes).verifyRequests(await claim());
      const found = await rowOf(id);
      return found.rejection_cause ? found : null;
    });
    expect(row).toMatchObject({
      rejection_cause: 'VERIFICATION_FAILED',
      rejection_detail: { reason: 'KEY_UNAVAILABLE' },
    });
    expect(await ingest.waiting(source)).toEqual([]);

    network.state.isAway = false;
    await requeueRequest(ingest.db, { requestId: id, connectionIds: null });
    await until('the verdict', async () => {
      await verify();
      return (await rowOf(id)).verified === true;
    });
  });
});
