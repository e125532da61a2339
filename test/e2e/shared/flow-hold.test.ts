import { expect, test } from 'vitest';
import { requestIdOf, type Json } from '../../support/admin.ts';
import { startReceiver } from '../../support/receiver.ts';
import { sharedGateway } from '../../support/shared-gateway.ts';

const receiver = await startReceiver();
const gateway = sharedGateway();
const { admin } = gateway;

const EVENTS = 106;
const ON_THE_WIRE = 80;

test('a pause holds whatever is not on the wire yet, also what has been handed to the worker', async () => {
  const released = Promise.withResolvers<void>();
  receiver.script('slow', [{ until: released.promise }]);
  const { destinationId } = await admin.define({ name: 'slow', url: receiver.url('slow') });
  const answers = await Promise.all(Array.from({ length: EVENTS }, () => admin.post('slow')));
  const requests = answers.map(requestIdOf);
  await receiver.nth('slow', ON_THE_WIRE);

  await admin.done('PUT', `/destinations/${destinationId}/pause`);
  released.resolve();
  const over = ({ status }: Json) => status === 'SUCCESSFUL' || status === 'HOLD';
  const events = await Promise.all(
    requests.map((id) => admin.eventWhere(id, { what: 'is over or held', wanted: over })),
  );
  expect(events.filter(({ status }) => status === 'HOLD')).toHaveLength(EVENTS - ON_THE_WIRE);
  expect(receiver.received('slow')).toHaveLength(ON_THE_WIRE);
});

const is = (wanted: string) => ({
  what: `is ${wanted}`,
  wanted: ({ status }: Json) => status === wanted,
});

test('what waits for its pace is held while its destination is paused, and waits for its pace again afterwards', async () => {
  const { destinationId } = await admin.define({
    name: 'paced',
    url: receiver.url('paced'),
    destination: { delivery_policy: { rate: 1, period: 'hour' } },
  });
  const answers = await Promise.all(Array.from({ length: 5 }, () => admin.post('paced')));
  await receiver.nth('paced', 1);
  await admin.done('PUT', `/destinations/${destinationId}/pause`);
  const statuses = async () => {
    const events = await Promise.all(answers.map((answer) => admin.eventsOf(requestIdOf(answer))));
    return events.map(([event]) => event.status as string).toSorted();
  };
  await expect
    .poll(statuses, { timeout: 90_000 })
    .toEqual([...Array(4).fill('HOLD'), 'SUCCESSFUL']);
  await admin.done('PUT', `/destinations/${destinationId}/unpause`);
  await expect
    .poll(statuses, { timeout: 90_000 })
    .toEqual([...Array(4).fill('QUEUED'), 'SUCCESSFUL']);
  expect(receiver.received('paced')).toHaveLength(1);
});

test('what waits in order behind another is held while its connection is paused, also what comes meanwhile', async () => {
  const released = Promise.withResolvers<void>();
  receiver.script('lane', [{ until: released.promise }]);
  const { connectionId } = await admin.define({ name: 'lane', url: receiver.url('lane') });
  await admin.done('PUT', `/connections/${connectionId}`, { ordering: { key: 'body.customer' } });
  const send = async (n: number) =>
    requestIdOf(await admin.post('lane', JSON.stringify({ customer: 'c', n })));
  const [head, second] = [await send(0), await send(1)];
  await receiver.nth('lane', 1);
  await admin.eventWhere(second, is('QUEUED'));
  await admin.done('PUT', `/connections/${connectionId}/pause`);
  await admin.eventWhere(second, is('HOLD'));
  await admin.eventWhere(head, is('QUEUED'));
  const late = await send(2);
  await admin.eventWhere(late, is('HOLD'));
  released.resolve();
  await admin.eventWhere(head, is('SUCCESSFUL'));
  await admin.done('PUT', `/connections/${connectionId}/unpause`);
  await admin.eventWhere(late, is('SUCCESSFUL'));
  const order = receiver
    .received('lane')
    .map(({ body }) => JSON.parse(body.toString()).n as number);
  expect(order).toEqual([0, 1, 2]);
});
