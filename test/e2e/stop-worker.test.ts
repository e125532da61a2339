import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin } = gateway;

// More than may be on the wire at once.
const EVENTS = 106;
const ON_THE_WIRE = 80;
const successful = ({ status }: Json) => status === 'SUCCESSFUL';

test('a worker that stops in order fails no event: what it did not finish, the next one delivers', async () => {
  receiver.script('slow', [{ does: 'hang' }]);
  await admin.define({ name: 'slow', url: receiver.url('slow') });
  const answers = await Promise.all(Array.from({ length: EVENTS }, () => admin.post('slow')));
  const requests = answers.map(requestIdOf);
  await receiver.nth('slow', ON_THE_WIRE);

  // After 20 s it would give up, and end with another code.
  expect(await gateway.worker.stop()).toBe(0);
  const stopped = (await Promise.all(requests.map((id) => admin.eventsOf(id)))).flat();
  expect(stopped.filter(({ status }) => status === 'FAILED')).toEqual([]);
  expect(receiver.received('slow')).toHaveLength(ON_THE_WIRE);

  receiver.script('slow', [{ status: 200 }]);
  await gateway.worker.start();
  const delivered = await Promise.all(
    requests.map((id) => admin.eventWhere(id, { what: 'is delivered', wanted: successful })),
  );
  // Nothing was begun for those that found no place.
  const once = delivered.filter(({ attempts }) => attempts === 1);
  expect(once).toHaveLength(EVENTS - ON_THE_WIRE);
});
