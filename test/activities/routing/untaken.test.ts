import { randomBytes } from 'node:crypto';
import sql from 'sql-template-tag';
import { beforeAll, describe, expect, test } from 'vitest';
import { claimKey, replayScope } from '../../../src/db/claims.ts';
import { freeBehind } from '../../../src/db/outbox.ts';
import { requeueRequest } from '../../../src/db/recovery.ts';
import type { Rule } from '../../../src/domain/schema/rule.ts';
import { handler, startRouting, type Arriving } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting({ children: 1 });
});

const once = () => ({ hash: randomBytes(32), expiresAtMs: Date.now() + 600_000 });
const anId = () => ({ ...once(), replay: false });
const aSignature = () => ({ ...once(), replay: true });

const causeOf = async (id: string) => {
  const { rows } = await routing.db.query<{ rejection_cause: string | null }>(
    sql`select rejection_cause from requests where id = ${id}`,
  );
  return rows[0]!.rejection_cause;
};
const isWaiting = async (id: string) =>
  (await routing.db.query(sql`select 1 from outbox where request_id = ${id}`)).rows.length > 0;

/** A source without a connection. */
async function lonelySource(): Promise<string> {
  const { sourceId, connectionId } = await routing.define();
  await routing.db.query(
    sql`update connections set deleted_at = now(), updated_at = now() where id = ${connectionId}`,
  );
  await routing.configuration.refresh();
  return sourceId;
}

async function routeOne(sourceId: string, arriving: Arriving): Promise<string> {
  const [id] = await routing.arrive(sourceId, arriving);
  if (await isWaiting(id!)) await routing.route([id!]);
  return id!;
}

describe.each([
  ['id', () => ({ claims: [anId()] })],
  ['signature', () => ({ claims: [aSignature()] })],
  ['id and signature', () => ({ claims: [anId(), aSignature()] })],
  ['named key', () => ({ key: once() })],
] as const)('the %s of a request that made no event', (kind, make) => {
  // A repeat of a key that the source names is not stored: the first stands for it.
  const isStored = kind !== 'named key';
  async function expectRepeat(
    sourceId: string,
    { first, same }: { first: string; same: Arriving },
  ) {
    const again = await routeOne(sourceId, same);
    expect(again === first).toBe(!isStored);
    expect(await causeOf(again)).toBe(isStored ? 'REPLAYED' : null);
  }

  test('is free for the next where no connection was there, and taken once that made one', async () => {
    const sourceId = await lonelySource();
    const same = make();
    const first = await routeOne(sourceId, same);
    expect(await causeOf(first)).toBe('NO_CONNECTION');
    const second = await routeOne(sourceId, same);
    expect(await causeOf(second)).toBe('NO_CONNECTION');
    await routing.define([], { sourceId });
    const third = await routeOne(sourceId, same);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(await causeOf(third)).toBeNull();
    expect(await routing.eventsOf(third)).toHaveLength(1);
    await expectRepeat(sourceId, { first: third, same });
  });

  const untaken: [string, (rule: () => Promise<Rule>) => Promise<Rule[]>, string][] = [
    ['filtered', async () => [{ type: 'filter', body: { ok: true } }], 'FILTERED'],
    ['dropped by code', async (rule) => [await rule()], 'TRANSFORMATION_DROPPED'],
    ['failed by code', async (rule) => [await rule()], 'TRANSFORMATION_FAILED'],
  ];
  test.each(untaken)('is free for the next where it was %s', async (_why, rulesFor, cause) => {
    const code =
      cause === 'TRANSFORMATION_FAILED'
        ? 'throw new Error("no");'
        : 'context.drop("not now"); return null;';
    const rules = await rulesFor(() => routing.code(handler(code)));
    const { sourceId, connectionId } = await routing.define(rules);
    const same = make();
    const first = await routeOne(sourceId, same);
    expect(await routing.ignoredOf(first)).toMatchObject([{ cause }]);
    await routing.setRules(connectionId, []);
    const second = await routeOne(sourceId, same);
    expect(await routing.eventsOf(second)).toHaveLength(1);
    await expectRepeat(sourceId, { first: second, same });
  });

  test('is free for the next where its connection was disabled', async () => {
    const { sourceId, connectionId } = await routing.define();
    const disable = async (at: string | null) => {
      await routing.db.query(
        sql`update connections set disabled_at = ${at}::timestamptz, updated_at = now() where id = ${connectionId}`,
      );
      await routing.configuration.refresh();
    };
    await disable('now');
    const same = make();
    const first = await routeOne(sourceId, same);
    expect(await routing.ignoredOf(first)).toMatchObject([
      {
        cause: 'DISABLED',
        meta: { id: connectionId, resource_type: 'connection', reason: 'disabled' },
      },
    ]);
    await disable(null);
    const second = await routeOne(sourceId, same);
    expect(await routing.eventsOf(second)).toHaveLength(1);
  });

  test('is taken where one of several connections took it', async () => {
    const { sourceId } = await routing.define([{ type: 'filter', body: { ok: true } }]);
    await routing.define([], { sourceId });
    const same = make();
    const first = await routeOne(sourceId, same);
    expect(await routing.eventsOf(first)).toHaveLength(1);
    await expectRepeat(sourceId, { first, same });
  });

  test('is taken once a retry by hand made one', async () => {
    const sourceId = await lonelySource();
    const same = make();
    const first = await routeOne(sourceId, same);
    await routing.define([], { sourceId });
    await requeueRequest(routing.db, { requestId: first, connectionIds: null });
    await routing.route([first]);
    expect(await routing.eventsOf(first)).toHaveLength(1);
    await expectRepeat(sourceId, { first, same });
  });
});

describe('of requests with one id that are under way at once', () => {
  test('in one dispatch the next is taken where the first made no event', async () => {
    const rule = await routing.code(
      handler('if (request.body.n === 1) throw new Error("no"); return request;'),
    );
    const { sourceId } = await routing.define([rule]);
    const claims = [anId()];
    const same = (n: number) => ({ claims, body: JSON.stringify({ n }) });
    const ids = await routing.arrive(sourceId, same(1), same(2), same(3));
    await routing.route(ids);
    expect(await routing.ignoredOf(ids[0]!)).toMatchObject([{ cause: 'TRANSFORMATION_FAILED' }]);
    expect(await routing.eventsOf(ids[1]!)).toHaveLength(1);
    expect(await causeOf(ids[2]!)).toBe('REPLAYED');
  });

  test('in two dispatches the second is judged when the first is routed', async () => {
    const sourceId = await lonelySource();
    const claims = [anId(), aSignature()];
    const [first, second] = await routing.arrive(sourceId, { claims }, { claims });
    const dispatchId = await routing.claim([first!]);
    // It claims, and has not been committed: its process died in between, or is slow.
    await routing.db.query(sql`
      insert into claims (key, owner, expires_at) select key, ${first}, now() + interval '1 hour'
      from unnest(${keysOf(sourceId, claims)}::uuid[]) as k (key)`);
    const steps = await routing.route([second!]);
    expect(steps).toEqual([{ batches: [], remaining: [] }]);
    expect(await causeOf(second!)).toBeNull();
    expect(await isWaiting(second!)).toBe(true);
    await routing.worker().routeRequests({ dispatchId, requestIds: [first!] });
    await routing.define([], { sourceId });
    expect(await freeBehind(routing.db, { afterMs: 0 })).toBe(1);
    await routing.route([second!]);
    expect(await routing.eventsOf(second!)).toHaveLength(1);
    expect(await causeOf(first!)).toBe('NO_CONNECTION');
  });

  test('of hundreds that nobody took each is routed, and of hundreds one is taken', async () => {
    const sourceId = await lonelySource();
    const claims = [anId(), aSignature()];
    const many = Array.from({ length: 60 }, () => ({ claims }));
    const untaken = await routing.arrive(sourceId, ...many);
    await routing.route(untaken);
    for (const id of untaken) expect(await causeOf(id)).toBe('NO_CONNECTION');
    await routing.define([], { sourceId });
    const ids = await routing.arrive(sourceId, ...many);
    await routing.route(ids);
    const causes = await Promise.all(ids.map(causeOf));
    expect(causes.filter((cause) => cause === null)).toHaveLength(1);
    expect(causes.filter((cause) => cause === 'REPLAYED')).toHaveLength(59);
  });
});

describe('a deduplicate rule', () => {
  const once: Rule = { type: 'deduplicate', window: 60_000 };

  test('lets the next one pass where the first made no event behind it', async () => {
    const rule = await routing.code(handler('throw new Error("not yet");'));
    const { sourceId } = await routing.define([once, rule]);
    const first = await routeOne(sourceId, { body: '{"n":1}' });
    expect(await routing.ignoredOf(first)).toMatchObject([{ cause: 'TRANSFORMATION_FAILED' }]);
    await routing.setCode(rule, handler('return request;'));
    const second = await routeOne(sourceId, { body: '{"n":1}' });
    expect(await routing.eventsOf(second)).toHaveLength(1);
    const third = await routeOne(sourceId, { body: '{"n":1}' });
    expect(await routing.ignoredOf(third)).toMatchObject([
      { cause: 'DEDUPLICATED', meta: { request_id: second } },
    ]);
  });

  test('asks about its own connection: what another one took does not count', async () => {
    const rule = await routing.code(handler('throw new Error("not yet");'));
    const { sourceId, connectionId } = await routing.define([once, rule]);
    await routing.define([], { sourceId });
    const first = await routeOne(sourceId, {});
    expect(await routing.eventsOf(first)).toHaveLength(1);
    await routing.setCode(rule, handler('return request;'));
    const second = await routeOne(sourceId, {});
    const made = await routing.eventsOf(second);
    expect(made.map((event) => event.connection_id)).toContain(connectionId);
  });
});

function keysOf(sourceId: string, claims: { hash: Buffer; replay: boolean }[]): string[] {
  return claims.map(({ hash, replay }) =>
    claimKey(replay ? replayScope(sourceId) : sourceId, hash),
  );
}
