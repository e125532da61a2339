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
      admin.eventWhere(id, { what: 'is delivered', wanted: successful, withinMs: 60_000 }),
    ),
  );
  await until('the circuit is closed', async () => {
    const { rowCount } = await db.query(sql`select 1 from circuits`);
    return rowCount === 0;
  });
}, 120_000);
