import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway();
const { admin } = gateway;

const EVENTS = 106;
const ON_THE_WIRE = 80;

test('a pause holds whatever is not on the wire yet, also what has been handed to the worker', async () => {
  const released = Promise.withResolvers<void>();
  receiver.script('slow', [{ until: released.promise }]);
  const { destinationId } = await admin.define({ name: 'slow', url: receiver.url('slow') });
  const answers = await Promise.all(Array.from({ length: EVENTS }, () => admin.post('slow')));
  const requests = answers.map(requestIdOf);
  await receiver.nth('slow', ON_THE_WIRE, { withinMs: 20_000 });

  await admin.done('PUT', `/destinations/${destinationId}/pause`);
  released.resolve();
  const over = ({ status }: Json) => status === 'SUCCESSFUL' || status === 'HOLD';
  const events = await Promise.all(
    requests.map((id) =>
      admin.eventWhere(id, { what: 'is over or held', wanted: over, withinMs: 20_000 }),
    ),
  );
  expect(events.filter(({ status }) => status === 'HOLD')).toHaveLength(EVENTS - ON_THE_WIRE);
  expect(receiver.received('slow')).toHaveLength(ON_THE_WIRE);
}, 60_000);
