import { beforeAll, describe, expect, test } from 'vitest';
import { deleteConnection } from '../../../src/db/connections.ts';
import { disableSource } from '../../../src/db/sources.ts';
import { handler, startRouting } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting();
});

const passes = { type: 'filter' as const, body: { kind: 'seen' } };

describe('rules are taken in the order in which they stand', () => {
  test('a filter before a transformation sees what came in, one behind it what was made', async () => {
    const mark = await routing.code(handler('request.body.kind = "seen"; return request;'));
    const before = await routing.take([passes, mark], { body: '{"kind":"raw"}' });
    expect(before.events).toEqual([]);
    expect(before.ignored).toMatchObject([{ cause: 'FILTERED', meta: ['body'] }]);
    expect(await routing.executionsOf(before.requestId)).toEqual([]);

    const behind = await routing.take([mark, passes], { body: '{"kind":"raw"}' });
    expect(behind.ignored).toEqual([]);
    expect(behind.events).toHaveLength(1);
  });

  test('two transformations run one after the other, each with a record of its own', async () => {
    const first = await routing.code(handler('request.body.way = ["first"]; return request;'));
    const next = await routing.code(handler('request.body.way.push("second"); return request;'));
    const { events, requestId } = await routing.take([first, next]);
    const payload = await routing.payloadOf(events[0]!.id);
    expect(JSON.parse(payload.body.toString())).toEqual({ way: ['first', 'second'] });
    const inputs = (await routing.executionsOf(requestId)).map((execution) => execution.input);
    expect(inputs).toHaveLength(2);
    // The first was given the request itself, which is kept already. Both may have run within a millisecond.
    expect(inputs).toContain(null);
    const second = inputs.find((input) => input !== null);
    expect(JSON.parse(second!)).toMatchObject({ request: { body: { way: ['first'] } } });
  });

  test('deduplication counts only what has reached it', async () => {
    const remember = { type: 'deduplicate' as const, window: 60_000, include_fields: ['body.id'] };
    const { sourceId } = await routing.define([passes, remember]);
    const [filtered, first, second] = await routing.arrive(
      sourceId,
      { body: '{"id":1,"kind":"other"}' },
      { body: '{"id":1,"kind":"seen"}' },
      { body: '{"id":1,"kind":"seen"}' },
    );
    await routing.route([filtered!, first!, second!]);
    expect((await routing.made(filtered!)).ignored).toMatchObject([{ cause: 'FILTERED' }]);
    expect((await routing.made(first!)).events).toHaveLength(1);
    expect((await routing.made(second!)).ignored).toEqual([
      { cause: 'DEDUPLICATED', meta: { request_id: first }, connection_id: expect.any(String) },
    ]);
  });
});

describe('what a connection does not take is an ignored event with its cause', () => {
  test('a filter names the parts and the keys that did not match', async () => {
    const filter = {
      type: 'filter' as const,
      headers: { 'x-topic': 'orders' },
      query: { page: '2' },
      path: { $startsWith: '/v2/' },
    };
    const arriving = { path: '/v1/orders', query: 'page=2', headers: [['X-Topic', 'refunds']] };
    const { ignored, requestId } = await routing.take([filter], arriving as never);
    expect(ignored).toMatchObject([{ cause: 'FILTERED', meta: ['headers', 'path'] }]);
    expect(await routing.mismatchesOf(requestId)).toEqual([
      { path: 'headers.x-topic', expected: 'orders', actual: 'refunds' },
      { path: 'path', expected: { $startsWith: '/v2/' }, actual: '/v1/orders' },
    ]);
    const taken = await routing.take([filter], {
      path: '/v2/orders',
      query: 'page=2',
      headers: [['X-TOPIC', 'orders']],
    });
    expect(taken.events).toHaveLength(1);
  });

  test('what a filter names can be kept whatever a request holds, and holds no secret', async () => {
    const filter = {
      type: 'filter' as const,
      headers: { 'x-api-key': 'k1' },
      body: { n: 1, text: 'a', list: [1], token: 'hush', deep: { $eq: {} } },
    };
    const deep = `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`;
    const body = `{"n":1e999999,"text":"\\u0000\\ud800","list":[[[]]],"token":"hush-hush","deep":${deep}}`;
    const headers: [string, string][] = [
      ['X-Api-Key', 'hush-hush'],
      ['Content-Type', 'application/json'],
    ];
    const { requestId, ignored } = await routing.take([filter], { body, headers });
    expect(ignored).toMatchObject([{ cause: 'FILTERED', meta: ['headers', 'body'] }]);
    const mismatches = await routing.mismatchesOf(requestId);
    expect(mismatches).toHaveLength(5);
    expect(mismatches).toContainEqual({ path: 'body.n', expected: 1, actual: Infinity });
    expect(mismatches).toContainEqual({ path: 'body.text', expected: 'a', actual: '\u2400\ufffd' });
    expect(JSON.stringify(mismatches)).not.toContain('hush');
  });

  test('a disabled connection or destination takes nothing, its neighbours go on', async () => {
    const { sourceId, connectionId } = await routing.define();
    const open = await routing.define([], { sourceId });
    const dark = await routing.define([], { sourceId });
    await routing.db.query({
      text: 'update connections set disabled_at = now(), updated_at = now() where id = $1',
      values: [connectionId],
    });
    await routing.db.query({
      text: 'update destinations set disabled_at = now(), updated_at = now() where id = $1',
      values: [dark.destinationId],
    });
    await routing.configuration.refresh();
    const [id] = await routing.arrive(sourceId, {});
    await routing.route([id!]);
    const { events, ignored } = await routing.made(id!);
    expect(events.map((event) => event.connection_id)).toEqual([open.connectionId]);
    expect(ignored).toMatchObject([
      { connection_id: connectionId, cause: 'DISABLED' },
      { connection_id: dark.connectionId, cause: 'DISABLED' },
    ]);
    expect(await routing.counts(id!)).toEqual({ events_count: 1, ignored_count: 2 });
  });

  test('a source whose connections are all closed ignores, one that has none rejects', async () => {
    const { sourceId, connectionId } = await routing.define();
    await disableSource(routing.db, sourceId);
    await routing.configuration.refresh();
    const [closed] = await routing.arrive(sourceId, {});
    await routing.route([closed!]);
    expect((await routing.made(closed!)).ignored).toMatchObject([{ cause: 'DISABLED' }]);

    await deleteConnection(routing.db, connectionId);
    await routing.configuration.refresh();
    const [lonely] = await routing.arrive(sourceId, {});
    await routing.route([lonely!]);
    expect(await routing.made(lonely!)).toEqual({ events: [], ignored: [] });
    const { rows } = await routing.db.query<{ rejection_cause: string }>({
      text: 'select rejection_cause from requests where id = $1',
      values: [lonely],
    });
    expect(rows).toEqual([{ rejection_cause: 'NO_CONNECTION' }]);
  });
});

describe('delay', () => {
  test('makes a scheduled event that is due when it says', async () => {
    const startMs = Date.now();
    const { sourceId } = await routing.define([{ type: 'delay', delay: 90_000 }]);
    const [id] = await routing.arrive(sourceId, {});
    const [step] = await routing.route([id!]);
    const [event] = await routing.eventsOf(id!);
    expect(event).toMatchObject({ status: 'SCHEDULED', has_payload: false });
    const dueAtMs = event!.next_attempt_at!.getTime();
    expect(dueAtMs).toBeGreaterThanOrEqual(startMs + 90_000);
    expect(dueAtMs).toBeLessThanOrEqual(Date.now() + 90_000);
    const [batch] = step!.batches;
    expect(batch!.waiting.flatMap((group) => group.eventIds)).toEqual([event!.id]);
    expect(batch!.waiting[0]!.dueAtMs).toBeGreaterThanOrEqual(dueAtMs);
    expect(batch!.inline).toBe(false);
  });

  test('of nothing delays nothing', async () => {
    const { events } = await routing.take([{ type: 'delay', delay: 0 }]);
    expect(events).toMatchObject([{ status: 'QUEUED', next_attempt_at: null }]);
  });
});

test('a connection that is heard of before its destination and its code still has both', async () => {
  const rule = await routing.code(handler('request.body.ok = true; return request;'));
  const { sourceId } = await routing.define([rule]);
  const blind = {
    ...routing.configuration,
    known: false,
    destination: (id: string) => (blind.known ? routing.configuration.destination(id) : undefined),
    transformation: (id: string) =>
      blind.known ? routing.configuration.transformation(id) : undefined,
    async refresh() {
      blind.known = true;
    },
  };
  const [id] = await routing.arrive(sourceId, {});
  await routing.route([id!], routing.worker({ configuration: blind }));
  const { events, ignored } = await routing.made(id!);
  expect(ignored).toEqual([]);
  expect(events).toMatchObject([{ has_payload: true }]);
});
