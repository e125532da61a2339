import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/pool.ts';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin } = gateway;
const db = openDatabase(gateway.databaseUrl, { max: 1, onError: () => {} });
afterAll(() => db.close());
const successful = ({ status }: Json) => (status as string) === 'SUCCESSFUL';

async function send(name: string, count: number): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => admin.post(name)));
  return answers.map(requestIdOf);
}

test('a destination that does not answer is tried by one at a time; what waits burns no attempts, and all of it is delivered when it is back', async () => {
  receiver.script('down', [{ does: 'reset' }]);
  const { destinationId } = await admin.define({
    name: 'down',
    url: receiver.url('down'),
    rules: [{ type: 'retry', strategy: 'linear', interval: 500, count: 50 }],
  });
  const first = await send('down', 20);
  await until('the circuit is open', async () => {
    const { rowCount } = await db.query(
      sql`select 1 from circuits where destination_id = ${destinationId}`,
    );
    return rowCount === 1;
  });
  const tried = receiver.received('down').length;
  const later = await send('down', 100);
  await until('later events wait for their turn', async () => {
    const { rowCount } = await db.query(
      sql`select 1 from parked where gate = ${destinationId} and reason = 'turn'`,
    );
    return (rowCount ?? 0) > 0;
  });
  await admin.define({ name: 'alive', url: receiver.url('alive') });
  const [other] = await send('alive', 1);
  await admin.eventWhere(other!, { what: 'is delivered', wanted: successful });
  // A hundred events, and only the probes went out.
  expect(receiver.received('down').length - tried).toBeLessThan(40);

  receiver.script('down', [{ status: 200 }]);
  await Promise.all(
    [...first, ...later].map((id) =>
      admin.eventWhere(id, { what: 'is delivered', wanted: successful }),
    ),
  );
  await until('the circuit is closed', async () => {
    const { rowCount } = await db.query(sql`select 1 from circuits`);
    return rowCount === 0;
  });
});

test('what a worker had taken to be woken when it was killed is woken by the next', async () => {
  const { destinationId } = await admin.define({ name: 'taken', url: receiver.url('taken') });
  await admin.done('PUT', `/destinations/${destinationId}/pause`);
  const requestIds = await send('taken', 20);
  const all = (what: string, wanted: (event: Json) => boolean) =>
    Promise.all(requestIds.map((id) => admin.eventWhere(id, { what, wanted })));
  await all('is held', ({ status }) => (status as string) === 'HOLD');
  await gateway.worker.kill();
  // So it is when the gate has opened, between the row and the signal. Taken in an hour, it is never late for the sweep
  // that looks for wake-ups that got lost: only that whoever took it is gone tells.
  await db.query(sql`update destinations set paused_at = null where id = ${destinationId}`);
  const { rowCount } = await db.query(sql`
    update parked set woken_at = now() + interval '1 hour', woken_by = 7 where gate = ${destinationId}`);
  expect(rowCount).toBeGreaterThan(0);
  await gateway.worker.start();
  await all('is delivered', successful);
  expect(receiver.received('taken')).toHaveLength(20);
});
