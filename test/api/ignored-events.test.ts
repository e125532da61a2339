import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/db/ids.ts';
import { each, type Gateway, type Json, startGateway } from './gateway.ts';
import { arrive, ignore } from './history.ts';

let gateway: Gateway;
let sourceId: string;
beforeAll(async () => {
  gateway = await startGateway();
  sourceId = String((await gateway.done('POST', '/sources', { name: 's' }))['id']);
});
afterAll(() => gateway.close());

const base = () => ({ projectId: gateway.projectId, sourceId });

/** A request that connections did not take, for one of these causes each. */
async function requestIgnoredFor(...causes: string[]) {
  const requestId = await arrive(gateway.db, base());
  const connectionIds = causes.map(() => newId('connection'));
  for (const [index, cause] of causes.entries()) {
    const connectionId = connectionIds[index]!;
    await ignore(gateway.db, { projectId: gateway.projectId, requestId, connectionId, cause });
  }
  return { requestId, connectionIds };
}

test('requests are found by why a connection did not take them', async () => {
  const { requestId: both } = await requestIgnoredFor('FILTERED', 'DISABLED');
  const { requestId: filtered } = await requestIgnoredFor('FILTERED');
  const taken = await arrive(gateway.db, base());
  const find = async (query: string) =>
    each(await gateway.done('GET', `/requests?source_id=${sourceId}&${query}`), 'id');
  expect(await find('')).toEqual([taken, filtered, both]);
  expect(await find('ignored_cause=FILTERED')).toEqual([filtered, both]);
  expect(await find('ignored_cause=disabled')).toEqual([both]);
  expect(await find('ignored_cause=DEDUPLICATED')).toEqual([]);
  expect(await find('ignored_cause[]=DEDUPLICATED&ignored_cause[]=DISABLED')).toEqual([both]);
  expect(await find('ignored_cause[any]=true')).toEqual([filtered, both]);
  expect(await find('ignored_cause[all]=true')).toHaveLength(3);
  expect(await find('ignored_cause=FILTERED&ignored_count=1')).toEqual([filtered]);
  expect(await find('ignored_cause=FILTERED&limit=1&dir=asc')).toEqual([both]);
  const refused = await gateway.ask('GET', '/requests?ignored_cause=LOST');
  expect(refused.body['data']).toEqual([
    'query.ignored_cause must be one of DISABLED, FILTERED, TRANSFORMATION_FAILED, TRANSFORMATION_DROPPED, DEDUPLICATED, CLI_DISCONNECTED',
  ]);
});

test('requests are found by the connection that did not take them, and why it did not', async () => {
  const { connectionIds, requestId } = await requestIgnoredFor('FILTERED', 'DISABLED');
  await requestIgnoredFor('DISABLED');
  const [filtering, disabled] = connectionIds;
  const find = async (query: string) => each(await gateway.done('GET', `/requests?${query}`), 'id');
  expect(await find(`webhook_id=${disabled}`)).toEqual([requestId]);
  expect(await find(`webhook_id=${disabled}&ignored_cause=DISABLED`)).toEqual([requestId]);
  // Another connection ignored it for that cause.
  expect(await find(`webhook_id=${filtering}&ignored_cause=DISABLED`)).toEqual([]);
  expect(await find(`webhook_id=${newId('connection')}`)).toEqual([]);
});

test('the ignored events of a request are found by cause and by connection', async () => {
  const { requestId, connectionIds } = await requestIgnoredFor('FILTERED', 'DISABLED');
  const find = async (query: string) =>
    each(await gateway.done('GET', `/requests/${requestId}/ignored_events?${query}`), 'cause');
  expect(await find('dir=asc')).toEqual(['FILTERED', 'DISABLED']);
  expect(await find('cause=DISABLED')).toEqual(['DISABLED']);
  expect(await find(`webhook_id=${connectionIds[0]}`)).toEqual(['FILTERED']);
  expect(await find(`webhook_id=${connectionIds[0]}&cause=DISABLED`)).toEqual([]);
});

test('an ignored event shows the keys that did not match, with numbers as they were written', async () => {
  const { requestId } = await requestIgnoredFor('FILTERED', 'DISABLED');
  const mismatches =
    '[{"path":"body.n","expected":8202522731445525542,"actual":8202522731445525543},{"path":"body.x","expected":1}]';
  await gateway.db.query({
    text: `update ignored_events set mismatches = $2 where request_id = $1 and cause = 'FILTERED'`,
    values: [requestId, mismatches],
  });
  const answer = await gateway.ask('GET', `/requests/${requestId}/ignored_events?dir=asc`);
  expect(answer.text).toContain(`"mismatches":${mismatches}`);
  const [, disabled] = answer.body['models'] as Json[];
  expect(disabled).toMatchObject({ cause: 'DISABLED', mismatches: null });
});
