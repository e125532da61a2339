import { gzipSync } from 'node:zlib';
import sql from 'sql-template-tag';
import { beforeAll, describe, expect, test } from 'vitest';
import { createBudget } from '../../../src/activities/routing/budget.ts';
import { createBodies } from '../../../src/activities/routing/payload.ts';
import { MOST_JSON_VALUES } from '../../../src/verification/json-limits.ts';
import { JSON_HEADERS, startRouting } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting({ children: 1 });
});

const payloadOf = (body: Buffer, more: [string, string][] = []) => ({
  path: '/',
  query: '',
  headers: [...JSON_HEADERS, ...more],
  body,
});
const GZIP: [string, string][] = [['Content-Encoding', 'gzip']];

describe('the budget of what is parsed', () => {
  test('keeps what fits for as long as its request is planned, and parses it once', async () => {
    const bodies = createBodies();
    const request = bodies.ofRequest();
    const payload = request.see(payloadOf(Buffer.from('{"a":1}')));
    const first = await payload.open((parts) => parts.body);
    expect(await payload.open((parts) => parts.body)).toBe(first);
    expect(bodies.keptBytes()).toBeGreaterThan(0);
    request.close();
    expect(bodies.keptBytes()).toBe(0);
  });

  test('counts a compressed body as what it may become, and keeps nothing beyond', async () => {
    const bodies = createBodies({ mostKeptBytes: 64 * 1024 * 1024 });
    const body = gzipSync(JSON.stringify(Array.from({ length: 50_000 }, Math.random)));
    const requests = Array.from({ length: 12 }, () => bodies.ofRequest());
    const seen = requests.map((request) => request.see(payloadOf(body, GZIP)));
    const lengths = await Promise.all(
      seen.map((payload) => payload.open((parts) => (parts.body as unknown[]).length)),
    );
    expect(new Set(lengths)).toEqual(new Set([50_000]));
    expect(bodies.keptBytes()).toBeLessThanOrEqual(64 * 1024 * 1024);
    for (const request of requests) request.close();
    expect(bodies.keptBytes()).toBe(0);
  });

  test('opens what does not fit once for all who ask meanwhile, and anew for those who ask later', async () => {
    const bodies = createBodies({ mostKeptBytes: 0 });
    const payload = bodies.ofRequest().see(payloadOf(Buffer.from('{"a":[]}')));
    const together = await Promise.all([1, 2].map(() => payload.open((parts) => parts.body)));
    expect(together[0]).toBe(together[1]);
    const later = await payload.open((parts) => parts.body);
    expect(later).toEqual(together[0]);
    expect(later).not.toBe(together[0]);
    await expect(
      payload.open(() => {
        throw new Error('mine');
      }),
    ).rejects.toThrow('mine');
    expect(await payload.open((parts) => parts.body)).toEqual({ a: [] });
  });
});

test('bytes are given out in turn: small ones at once, too large ones alone', async () => {
  const budget = createBudget({ most: 100, small: 10 });
  const order: string[] = [];
  const take = async (name: string, bytes: number) => {
    const give = await budget.take(bytes);
    order.push(name);
    return give;
  };
  const huge = await take('huge', 500);
  const second = take('second', 60);
  const third = take('third', 50);
  const small = await take('small', 5);
  expect(order).toEqual(['huge', 'small']);
  huge();
  const give = await second;
  expect(order).toEqual(['huge', 'small', 'second']);
  give();
  give();
  (await third)();
  small();
  expect(budget.taken()).toBe(0);
});

test('a body of too many values is text to rules, and its request says so', async () => {
  const { sourceId } = await routing.define([{ type: 'filter', body: { ok: true } }]);
  await routing.define([], { sourceId });
  const body = Buffer.from(`[${'[],'.repeat(MOST_JSON_VALUES)}{}]`);
  const [many, few] = await routing.arrive(sourceId, { body }, { body: '{"ok":true}' });
  await routing.route([many!, few!]);
  const { rows } = await routing.db.query<{ rejection_cause: null; rejection_detail: unknown }>(
    sql`select rejection_cause, rejection_detail from requests where id = ${many}`,
  );
  expect(rows[0]).toMatchObject({
    rejection_cause: null,
    rejection_detail: { reason: 'TOO_MANY_VALUES', hint: expect.stringContaining('1,000,000') },
  });
  expect(await routing.ignoredOf(many!)).toMatchObject([{ cause: 'FILTERED' }]);
  expect(await routing.eventsOf(many!)).toHaveLength(1);
  expect(await routing.eventsOf(few!)).toHaveLength(2);
});
