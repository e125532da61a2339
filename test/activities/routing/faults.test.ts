import fc from 'fast-check';
import sql from 'sql-template-tag';
import { beforeAll, describe, expect, test } from 'vitest';
import type { SandboxPool } from '../../../src/sandbox/pool.ts';
import { requeueRequest } from '../../../src/db/recovery.ts';
import { handler, startRouting } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting({ children: 1 });
});

async function rejection(requestId: string) {
  const { rows } = await routing.db.query<{
    rejection_cause: string | null;
    rejection_detail: { reason: string; hint: string } | null;
    events_count: number;
    waiting: boolean;
  }>(sql`
    select rejection_cause, rejection_detail, events_count,
      exists (select 1 from outbox where request_id = r.id) as waiting
    from requests r where id = ${requestId}`);
  return rows[0]!;
}

/** A sandbox that answers what the body of a request asks it to. */
function sandboxOf(answer: (body: unknown) => object): Pick<SandboxPool, 'run'> {
  return {
    run: ({ input }) => {
      const { request } = JSON.parse(input) as { request: { body: unknown } };
      const outcome = { kind: 'drop', reason: 'x', logs: [], logLevel: 'info', durationMs: 1 };
      return Promise.resolve({ ...outcome, queueMs: 0, ...answer(request.body) } as never);
    },
  };
}

describe('a request that cannot be written', () => {
  // No table holds such a time.
  const sandbox = sandboxOf((body) =>
    (body as { bad?: boolean }).bad ? { durationMs: 'soon' } : {},
  );

  test('is rejected with the reason, and those beside it are routed', async () => {
    const rule = await routing.code(handler('return request;'));
    const { sourceId } = await routing.define([rule]);
    const told: object[] = [];
    const log = { info() {}, error: (fields: object) => void told.push(fields) };
    const ids = await routing.arrive(
      sourceId,
      ...Array.from({ length: 9 }, (_, n) => ({ body: JSON.stringify({ bad: n === 4 }) })),
    );
    const steps = await routing.route(ids, routing.worker({ sandbox, log }));
    expect(steps.at(-1)!.remaining).toEqual([]);
    const found = await Promise.all(ids.map(rejection));
    const failed = {
      rejection_cause: 'ROUTING_FAILED',
      rejection_detail: { reason: 'NOT_STORABLE' },
      events_count: 0,
      waiting: false,
    };
    const others = { rejection_cause: null, waiting: false };
    expect(found).toMatchObject(ids.map((_, n) => (n === 4 ? failed : others)));
    expect(told).toMatchObject([{ request: ids[4] }]);
  });

  test('is rejected with the reason where its text is longer than any that is written', async () => {
    // Each NUL is written as six characters.
    const long = { reason: '\0'.repeat(100 * 1024 * 1024) };
    const rule = await routing.code(handler('return request;'));
    const { sourceId } = await routing.define([rule]);
    const bodies = [{ body: '{"bad":true}' }, { body: '{}' }];
    const ids = await routing.arrive(sourceId, ...bodies);
    const growing = sandboxOf((body) => ((body as { bad?: boolean }).bad ? long : {}));
    await routing.route(ids, routing.worker({ sandbox: growing }));
    expect(await Promise.all(ids.map(rejection))).toMatchObject([
      { rejection_cause: 'ROUTING_FAILED', rejection_detail: { reason: 'NOT_STORABLE' } },
      { rejection_cause: null, waiting: false },
    ]);
  });

  test('is routed by a retry once the reason is gone', async () => {
    const rule = await routing.code(handler('return request;'));
    const { sourceId } = await routing.define([rule]);
    const [id] = await routing.arrive(sourceId, { body: '{"bad":true}' });
    await routing.route([id!], routing.worker({ sandbox }));
    expect(await rejection(id!)).toMatchObject({ rejection_cause: 'ROUTING_FAILED' });
    await requeueRequest(routing.db, { requestId: id!, connectionIds: null });
    await routing.route([id!]);
    expect(await rejection(id!)).toMatchObject({ rejection_cause: null, events_count: 1 });
  });
});

test('a request whose plan breaks is rejected with the reason, and those beside it are routed', async () => {
  const rule = await routing.code(handler('return request;'));
  const { sourceId } = await routing.define([rule]);
  const sandbox = sandboxOf((body) => {
    if ((body as { bad?: boolean }).bad) throw new RangeError('Invalid string length');
    return {};
  });
  const ids = await routing.arrive(sourceId, { body: '{}' }, { body: '{"bad":true}' }, {});
  await routing.route(ids, routing.worker({ sandbox }));
  expect(await rejection(ids[1]!)).toMatchObject({
    rejection_cause: 'ROUTING_FAILED',
    rejection_detail: { reason: 'NOT_PLANNED', hint: 'RangeError: Invalid string length' },
  });
  for (const id of [ids[0]!, ids[2]!]) {
    expect(await rejection(id)).toMatchObject({ rejection_cause: null, waiting: false });
  }
});

test('while PostgreSQL is at fault nothing is rejected', async () => {
  const { sourceId } = await routing.define();
  const ids = await routing.arrive(sourceId, {}, {});
  const away = Object.assign(new Error('terminating connection'), { code: '57P01' });
  const db = { ...routing.db, query: () => Promise.reject(away) } as never;
  await expect(routing.route(ids, routing.worker({ db }))).rejects.toThrow('terminating');
  await routing.route(ids);
  for (const id of ids) {
    expect(await rejection(id)).toMatchObject({ rejection_cause: null, events_count: 1 });
  }
});

test('a message that quotes the place of an error does not make its own, and is routed once', async () => {
  const rule = await routing.code(handler('throw new Error(`Bad: ${request.body.text}`);'));
  const { sourceId } = await routing.define([rule]);
  const text = 'transformation.js:99999999999:1';
  const ids = await routing.arrive(sourceId, { body: JSON.stringify({ text }) }, { body: '{}' });
  await routing.route(ids);
  for (const id of ids) {
    const { ignored } = await routing.made(id);
    expect(ignored).toMatchObject([{ cause: 'TRANSFORMATION_FAILED', meta: { line: 2 } }]);
    expect(await routing.executionsOf(id)).toMatchObject([{ outcome: 'user_error', line: 2 }]);
  }
});

const hostileText = fc.oneof(
  fc.constantFrom(
    '\0',
    'a\0b',
    '\ud800',
    '\udfff\ud800',
    '\\u0000',
    '\\ud800',
    '\uffff',
    "'; drop table events; --",
    '99999999999999999999',
    '1e400',
    'NaN',
    '-Infinity',
    '__proto__',
    'x'.repeat(9_000),
    '\u{10ffff}'.repeat(300),
    `transformation.js:${'9'.repeat(30)}:1`,
    '\n    at a (transformation.js:99999999999:1)',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const hostileNumber = fc.constantFrom(
  1e308,
  -1e308,
  2 ** 31,
  2 ** 53,
  -1,
  0.5,
  5e-324,
  99_999_999_999,
);

test('whatever text and numbers a sender or code brings, the requests beside it are routed', async () => {
  const rule = await routing.code(handler('return request;'));
  const { sourceId, connectionId, destinationId } = await routing.define([
    { type: 'deduplicate', window: 60_000, include_fields: ['headers.x', 'body.key', 'path'] },
    rule,
  ]);
  await routing.db.query(sql`
    update connections set ordering = '{"key":"body.key"}', updated_at = now() where id = ${connectionId}`);
  await routing.db.query(sql`
    update destinations set config = config || '{"delivery_policy":{"rate":{"limit":10,"period":"second"},"groups":{"key":"body.key"}}}',
      updated_at = now() where id = ${destinationId}`);
  await routing.configuration.refresh();
  const outcome = fc.record({
    kind: fc.constantFrom('ok', 'drop', 'user_error', 'result_error', 'rejected_source'),
    message: hostileText,
    reason: hostileText,
    stack: hostileText,
    line: hostileNumber,
    column: hostileNumber,
    durationMs: hostileNumber,
    logs: fc.array(fc.record({ type: hostileText, message: hostileText }), { maxLength: 3 }),
    logLevel: hostileText,
    requests: fc.array(
      fc.record({
        path: hostileText,
        query: hostileText,
        headers: fc.dictionary(hostileText, hostileText, { maxKeys: 3 }),
        body: hostileText,
        bodyKind: fc.constant('text'),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    split: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(hostileText, hostileText, outcome, async (key, header, said) => {
      const ids = await routing.arrive(
        sourceId,
        { body: JSON.stringify({ n: 1, key: Math.random() }) },
        {
          body: JSON.stringify({ n: 2, key }),
          path: `/${header}`,
          query: header,
          headers: [
            ['Content-Type', 'application/json'],
            ['x', header],
          ],
        },
        { body: JSON.stringify({ n: 3, key: Math.random() }) },
      );
      const sandbox = sandboxOf((body) => ((body as { n?: number })?.n === 2 ? said : {}));
      await routing.route(ids, routing.worker({ sandbox }));
      for (const id of ids) {
        expect(await rejection(id)).toMatchObject({ waiting: false, rejection_cause: null });
      }
    }),
    { numRuns: 60 },
  );
});
