import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, type Json, startGateway } from './gateway.ts';
import { arrive, makeEvent } from './history.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

/** A connection with events of these statuses. */
async function flow(name: string, statuses: readonly ('HOLD' | 'FAILED')[]) {
  const connection = await gateway.done('POST', '/connections', {
    name,
    source: { name },
    destination: { name, config: { url: 'https://example.com' } },
  });
  const ends = {
    projectId: gateway.projectId,
    sourceId: String((connection['source'] as Json)['id']),
    destinationId: String((connection['destination'] as Json)['id']),
    connectionId: String(connection['id']),
  };
  for (const status of statuses) {
    const requestId = await arrive(gateway.db, ends);
    await makeEvent(gateway.db, { ...ends, requestId, status });
  }
  return ends;
}

test('a destination and a connection show how many of their events are held, and why', async () => {
  const { connectionId, destinationId } = await flow('held', ['HOLD', 'HOLD', 'FAILED']);
  await flow('other', ['HOLD']);
  await gateway.db.query({
    text: `update destinations set paused_at = now(), pause_reason = 'maintenance' where id = $1`,
    values: [destinationId],
  });
  const held = { held_count: 2, paused_reason: 'maintenance' };
  expect(await gateway.done('GET', `/destinations/${destinationId}`)).toMatchObject(held);
  expect(await gateway.done('PUT', `/destinations/${destinationId}/resume`)).toMatchObject(held);
  const connection = await gateway.done('GET', `/connections/${connectionId}`);
  expect(connection).toMatchObject({ held_count: 2, paused_reason: null });
  const list = await gateway.done('GET', `/destinations?id=${destinationId}`);
  const [listed] = list['models'] as Json[];
  expect(listed).toMatchObject({ paused_reason: 'maintenance' });
  expect(listed).not.toHaveProperty('held_count');
});
