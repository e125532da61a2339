import { tmpdir } from 'node:os';
import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/pool.ts';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { temporalCli } from '../support/temporal-cli.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin } = gateway;
const db = openDatabase(gateway.databaseUrl, { max: 1, onError: () => {} });
afterAll(() => db.close());
const cli = await temporalCli({ address: gateway.temporalAddress, dataDir: tmpdir() });
const held = ({ status }: Json) => (status as string) === 'HOLD';
const successful = ({ status }: Json) => (status as string) === 'SUCCESSFUL';

/** Sends a signal, which a workflow takes as soon as its gate is made, and waits until the row shows it. */
async function signal(kind: 'destination' | 'connection', id: string, name: 'pause' | 'resume') {
  await cli.signal(`${kind}/${id}`, name);
  await until(`the row shows ${name}`, async () => {
    const { rows } = await db.query<{ paused: boolean }>(sql`
      select paused_at is not null as paused from destinations where id = ${id}
      union all select paused_at is not null from connections where id = ${id}`);
    return rows[0]!.paused === (name === 'pause');
  });
}

async function send(name: string, count: number): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => admin.post(name)));
  return answers.map(requestIdOf);
}

function all(requestIds: string[], what: string, wanted: (event: Json) => boolean) {
  return Promise.all(requestIds.map((id) => admin.eventWhere(id, { what, wanted })));
}

test('a destination paused with the temporal command holds its events, through a restart, and each is delivered once after resume', async () => {
  const { destinationId } = await admin.define({ name: 'held', url: receiver.url('held') });
  await signal('destination', destinationId, 'pause');
  const requestIds = await send('held', 25);
  await all(requestIds, 'is held', held);
  await gateway.worker.kill();
  await gateway.worker.start();
  const [late] = await send('held', 1);
  await all([late!], 'is held', held);
  expect(receiver.received('held')).toEqual([]);

  await signal('destination', destinationId, 'resume');
  const events = await all([...requestIds, late!], 'is delivered', successful);
  const ids = receiver.received('held').map((one) => one.headers['webhook-id']);
  expect(ids).toHaveLength(26);
  expect(new Set(ids)).toEqual(new Set(events.map((event) => event['id'] as string)));
  expect(receiver.received('held')[0]!.headers['x-sluice-attempt-trigger']).toBe('UNPAUSE');
  await until('no row says that anything waits', async () => {
    const { rowCount } = await db.query(sql`select 1 from parked`);
    return rowCount === 0;
  });
});

test('a paused destination says why it is paused and how many events it holds, and unpause lets them go', async () => {
  const { destinationId } = await admin.define({ name: 'told', url: receiver.url('told') });
  const workflowId = `destination/${destinationId}`;
  const path = `/destinations/${destinationId}`;
  await admin.done('PUT', `${path}/pause`, { reason: 'maintenance' });
  const requestIds = await send('told', 3);
  await all(requestIds, 'is held', held);
  const shown = { paused_reason: 'maintenance', held_count: 3 };
  expect(await admin.done('GET', path)).toMatchObject(shown);
  expect(await cli.update(workflowId, 'count')).toMatchObject({ result: { held: 3 } });

  await cli.signal(workflowId, 'unpaused');
  const { queryResult } = await cli.query(workflowId, 'state');
  expect(queryResult).toMatchObject([
    { paused: true, reason: 'maintenance', pendingChanges: 0, unknownSignals: ['unpaused'] },
  ]);
  await until('the worker logs the unknown signal', () =>
    gateway.worker.output().includes('The signal unpaused is unknown here'),
  );
  // Once it is paused already, a pause gives another reason.
  const again = await admin.done('PUT', `${path}/pause`, { reason: 'longer' });
  expect(again).toMatchObject({ paused_reason: 'longer', held_count: 3 });

  await cli.signal(workflowId, 'unpause');
  await all(requestIds, 'is delivered', successful);
  expect(await admin.done('GET', path)).toMatchObject({ paused_reason: null, held_count: 0 });
});

test('a paused connection holds its own events and nobody else’s', async () => {
  const { connectionId } = await admin.define({ name: 'quiet', url: receiver.url('quiet') });
  await admin.define({ name: 'loud', url: receiver.url('loud') });
  await signal('connection', connectionId, 'pause');
  const quiet = await send('quiet', 1);
  const loud = await send('loud', 1);
  await all(loud, 'is delivered', successful);
  await all(quiet, 'is held', held);
  await signal('connection', connectionId, 'resume');
  await all(quiet, 'is delivered', successful);
  expect(receiver.received('quiet')).toHaveLength(1);
});

test('what is being sent when the gate shuts is sent to its end', async () => {
  const released = Promise.withResolvers<void>();
  receiver.script('sending', [{ until: released.promise }]);
  const { destinationId } = await admin.define({
    name: 'sending',
    url: receiver.url('sending'),
  });
  const requestIds = await send('sending', 1);
  await receiver.nth('sending', 1);
  await signal('destination', destinationId, 'pause');
  released.resolve();
  await all(requestIds, 'is delivered', successful);
  expect(receiver.received('sending')).toHaveLength(1);
});

test('a gate that is shut and opened many times in a row loses nothing and sends nothing twice', async () => {
  const { destinationId } = await admin.define({ name: 'flaps', url: receiver.url('flaps') });
  const requestIds: string[] = [];
  for (let round = 0; round < 4; round++) {
    await signal('destination', destinationId, 'pause');
    requestIds.push(...(await send('flaps', 5)));
    await signal('destination', destinationId, 'resume');
    requestIds.push(...(await send('flaps', 5)));
  }
  await all(requestIds, 'is delivered', successful);
  const ids = receiver.received('flaps').map((one) => one.headers['webhook-id']);
  expect(new Set(ids).size).toBe(40);
  expect(ids).toHaveLength(40);
});
