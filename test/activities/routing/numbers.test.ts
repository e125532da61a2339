import { beforeAll, describe, expect, test } from 'vitest';
import { parseAsWritten } from '../../../src/domain/numbers/parse.ts';
import type { Rule } from '../../../src/domain/schema/rule.ts';
import { handler, startRouting } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting();
});

const ONE = '8202522731445525542';
const OTHER = '8202522731445525543';

/** What the rules, as JSON, make of bodies that come one after the other: whether each passes. */
async function passing(rules: string, ...bodies: string[]): Promise<boolean[]> {
  const { sourceId } = await routing.define(parseAsWritten(rules) as Rule[]);
  const ids = await routing.arrive(sourceId, ...bodies.map((body) => ({ body })));
  for (const id of ids) await routing.route([id]);
  return Promise.all(ids.map(async (id) => (await routing.eventsOf(id)).length === 1));
}

describe('numbers that are one double', () => {
  test('are two to a filter that was kept and read again', async () => {
    const rules = `[{"type":"filter","body":{"id":${ONE}}}]`;
    const bodies = [`{"id":${ONE}}`, `{"id":${OTHER}}`, `{"id":${ONE}.0}`, `{"id":"${ONE}"}`];
    expect(await passing(rules, ...bodies)).toEqual([true, false, true, true]);
  });

  test.each([
    ['included', '"include_fields":["body.order.id"]'],
    ['left beside what is excluded', '"exclude_fields":["body.at"]'],
  ])('are two to deduplication where they are %s', async (_name, fields) => {
    const rules = `[{"type":"deduplicate","window":60000,${fields}}]`;
    const body = (id: string, at: number) => `{"order":{"id":${id}},"at":${at}}`;
    const bodies = [body(ONE, 1), body(OTHER, 2), body(ONE, 3), body(`${OTHER}.0`, 4)];
    expect(await passing(rules, ...bodies)).toEqual([true, true, false, false]);
  });

  test('are two to a filter and to deduplication behind code', async () => {
    const code = await routing.code(handler('request.body.seen = true; return request;'));
    const rules = (more: string) => `[${JSON.stringify(code)},${more}]`;
    const filter = `{"type":"filter","body":{"id":${ONE}}}`;
    expect(await passing(rules(filter), `{"id":${ONE}}`, `{"id":${OTHER}}`)).toEqual([true, false]);
    const once = '{"type":"deduplicate","window":60000,"include_fields":["body.id"]}';
    expect(await passing(rules(once), `{"id":${ONE}}`, `{"id":${OTHER}}`)).toEqual([true, true]);
  });
});

describe('code that sets another field', () => {
  const set = handler('request.body.x = 1; return request;');

  /** What is sent of a request, and the record of the run. */
  async function sent(code: string, body: string | Buffer, type = 'application/json') {
    const headers: [string, string][] = [['Content-Type', type]];
    const { events, requestId } = await routing.take([await routing.code(code)], { body, headers });
    const [run] = await routing.executionsOf(requestId);
    return { ...(await routing.payloadOf(events[0]!.id)), run: run! };
  }

  test('sends all others as they were written, and keeps both sides so', async () => {
    const body = `{ "id":${ONE}, "price": 1.10,"huge":1e400,"list":[${OTHER},-0,1E2, 0.0000001] }`;
    const expected = body.replaceAll(/[ }]/g, '') + ',"x":1}';
    const { body: out, run } = await sent(set, body);
    expect(out.toString()).toBe(expected);
    expect(run.log_level).toBe('info');
    expect(run.output).toContain(JSON.stringify(expected));
  });

  test('and so through two of them, whose second is given what the first made', async () => {
    const rules = [await routing.code(set), await routing.code(set.replaceAll('x', 'y'))];
    const { events, requestId } = await routing.take(rules, { body: `{"id":${ONE},"p":1.10}` });
    const { body } = await routing.payloadOf(events[0]!.id);
    expect(body.toString()).toBe(`{"id":${ONE},"p":1.10,"x":1,"y":1}`);
    const inputs = (await routing.executionsOf(requestId)).map(({ input }) => input);
    expect(inputs.filter((input) => input?.includes(`{"id":${ONE},"p":1.10,"x":1}`))).toHaveLength(
      1,
    );
  });

  test('in lines of JSON, in JSON sent as text, and in a form', async () => {
    const lines = handler('request.body.push({ n: request.body[0].n }); return request;');
    const ndjson = await sent(lines, `{"n":${ONE}}\n{"m":1.10}\n`, 'application/x-ndjson');
    expect(ndjson.body.toString()).toBe(`{"n":${ONE}}\n{"m":1.10}\n{"n":${ONE}}\n`);
    const text = await sent(set, `{"n":${ONE}}`, 'text/plain');
    expect(text.body.toString()).toBe(`{"n":${ONE},"x":1}`);
    const form = handler(
      'request.body.p = { ...JSON.parse(request.body.p), b: 1 }; return request;',
    );
    const made = await sent(form, `n=${ONE}&p={"a":1.10}`, 'application/x-www-form-urlencoded');
    expect(made.body.toString()).toBe(`n=${ONE}&p=%7B%22a%22%3A1.10%2C%22b%22%3A1%7D`);
  });

  test('names in its log what it could not keep', async () => {
    const code = handler('return { ...request, body: { x: request.body.a } };');
    const { body, run } = await sent(code, `{"a":${ONE},"b":${OTHER}}`);
    expect(body.toString()).toBe('{"x":8202522731445526000}');
    expect(run.log_level).toBe('warn');
    expect(run.logs[0]?.message).toContain('request.body.x');
  });
});
