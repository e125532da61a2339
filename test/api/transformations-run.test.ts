import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeEnds, startGatewayWithSandbox, type Ends } from './ends.ts';
import { each, type Gateway, type Json } from './gateway.ts';
import { arrive, makeEvent, makeExecution } from './history.ts';

const request = {
  headers: { 'Content-Type': 'application/json', 'X-A': '1' },
  body: { n: 1 },
  path: '/orders',
  query: 'a=1&a=2&b=3',
};
const handler = (body: string) => `addHandler('transform', (request, context) => {\n${body}\n});`;

let gateway: Gateway;
let ends: Ends;
beforeAll(async () => {
  gateway = await startGatewayWithSandbox();
  ends = await makeEnds(gateway);
});
afterAll(() => gateway.close());

const run = (body: object) => gateway.done('PUT', '/transformations/run', body);

describe('a test run', () => {
  test('shows what a draft makes of a given request, with its console', async () => {
    const code = handler(`
      console.log('query', request.parsed_query);
      request.body.seen = [request.headers['x-a'], request.path, request.query];
      return request;`);
    const result = await run({ code, request });
    expect(result).toMatchObject({
      outcome: 'ok',
      request_id: null,
      transformation_id: null,
      execution_id: null,
      log_level: 'info',
      console: [{ type: 'log', message: 'query {"a":["1","2"],"b":"3"}' }],
      request: {
        path: '/orders',
        query: 'a=1&a=2&b=3',
        parsed_query: { a: ['1', '2'], b: '3' },
        body: { n: 1, seen: ['1', '/orders', 'a=1&a=2&b=3'] },
      },
    });
    const { start, end } = result['transformation_run_time'] as Json;
    expect(Date.parse(String(end))).toBeGreaterThanOrEqual(Date.parse(String(start)));
  });

  test('a query may be given as its parameters, and everything but the headers may be left out', async () => {
    const code = handler('return request;');
    const headers = { 'content-type': 'text/plain' };
    const given = { headers, parsed_query: { a: ['1', '2'], b: 'c d' } };
    expect((await run({ code, request: given }))['request']).toMatchObject({
      path: '/',
      query: 'a=1&a=2&b=c+d',
      body: null,
    });
  });

  test('a stored transformation runs with its environment; a draft of it may bring its own', async () => {
    const code = handler('request.body = process.env; return request;');
    const env = { A: 'stored', B: 'kept' };
    const made = await gateway.done('POST', '/transformations', { name: 'envied', code, env });
    const id = String(made['id']);
    const bodyOf = async (more: object) =>
      ((await run({ transformation_id: id, request, ...more }))['request'] as Json)['body'];
    expect(await bodyOf({})).toEqual(env);
    expect(await bodyOf({ env: { A: '********', C: 'new' } })).toEqual({ A: 'stored', C: 'new' });
    expect(await bodyOf({ code: handler('request.body = 7; return request;') })).toBe(7);
  });

  test('runs on what came in with a request or an event, and is told of the connection', async () => {
    const headers: [string, string][] = [
      ['Content-Type', 'application/json'],
      ['Content-Encoding', 'gzip'],
    ];
    const body = gzipSync('{"zipped":true}');
    const requestId = await arrive(gateway.db, {
      ...ends,
      headers,
      body,
      path: '/p',
      query: 'x=y',
    });
    const eventId = await makeEvent(gateway.db, { ...ends, requestId });
    const code = handler(`
      request.body.by = context.connection && context.connection.source.name;
      return request;`);
    const plain = await run({ code, request_id: requestId });
    expect(plain).toMatchObject({
      request_id: requestId,
      request: { path: '/p', query: 'x=y', body: { zipped: true, by: null } },
    });
    const event = await run({ code, event_id: eventId });
    expect(event).toMatchObject({ request_id: requestId, request: { body: { by: 'shop' } } });
    const told = await run({ code, request, webhook_id: ends.connectionId });
    expect(told).toMatchObject({ request: { body: { n: 1, by: 'shop' } } });
  });

  test('tells how code fails, and where; what it split, and why it dropped', async () => {
    const failed = await run({ code: handler('\n  null.x;'), request });
    expect(failed).toMatchObject({
      outcome: 'user_error',
      log_level: 'fatal',
      request: null,
      line: 3,
      column: expect.any(Number),
      message: expect.stringContaining('TypeError'),
    });
    const syntax = await run({ code: 'addHandler(', request });
    expect(syntax).toMatchObject({ outcome: 'rejected_source', line: 1 });
    const loop = await run({ code: handler('for (;;);'), request });
    expect(loop).toMatchObject({ outcome: 'timeout', log_level: 'fatal' });
    const nothing = await run({ code: handler(''), request });
    expect(nothing).toMatchObject({ outcome: 'result_error' });
    const dropped = await run({ code: handler('context.drop("too old"); return null;'), request });
    expect(dropped).toMatchObject({ outcome: 'drop', message: 'too old', requests: [] });
    const split = await run({
      code: handler('return [request, { ...request, body: "b" }];'),
      request,
    });
    expect(split['requests']).toMatchObject([{ body: { n: 1 } }, { body: 'b' }]);
  });

  test('a draft that had to be killed does not stand in the way of the next', async () => {
    const code = handler('let a = 2n ** 1000000n; for (;;) a = a * a;');
    for (let round = 0; round < 6; round++) {
      expect((await run({ code, request }))['outcome']).toMatch(/killed|memory|user_error/);
    }
    expect((await run({ code: handler('return request;'), request }))['outcome']).toBe('ok');
  });

  test('names what is missing, twice there or unknown', async () => {
    const ask = async (body: object) => {
      const answer = await gateway.ask('PUT', '/transformations/run', { body });
      expect(answer.status).toBe(422);
      return answer.body['data'];
    };
    const code = handler('return request;');
    expect(await ask({})).toEqual([
      'body.code is required, or transformation_id instead of it',
      'body.request is required, or request_id or event_id instead of it',
    ]);
    const requestId = `req_${'0'.repeat(20)}`;
    expect(await ask({ code, request, request_id: requestId })).toEqual([
      'body.request_id cannot stand beside request',
    ]);
    expect(await ask({ code, request_id: requestId })).toEqual([
      'body.request_id names no request',
    ]);
    expect(await ask({ code, event_id: `evt_${'0'.repeat(28)}` })).toEqual([
      'body.event_id names no event',
    ]);
    expect(await ask({ code, request, webhook_id: `web_${'0'.repeat(20)}` })).toEqual([
      'body.webhook_id names no connection',
    ]);
    expect(await ask({ transformation_id: `trs_${'0'.repeat(20)}`, request })).toEqual([
      'body.transformation_id names no transformation',
    ]);
    expect(await ask({ code, request: { headers: { a: 1 } } })).toEqual([
      'body.request.headers.a must be a string',
    ]);
  });
});

describe('executions', () => {
  test('are listed by level, connection and time, in pages; each shows what went in and out', async () => {
    const made = await gateway.done('POST', '/transformations', {
      name: 'executed',
      code: handler('return request;'),
    });
    const transformationId = String(made['id']);
    const dayMs = 86_400_000;
    const runs: string[] = [];
    for (const [index, logLevel] of ['info', 'warn', 'fatal'].entries()) {
      const createdAtMs = Date.now() - (2 - index) * dayMs;
      const requestId = await arrive(gateway.db, {
        ...ends,
        body: `{"n":${index}}`,
        receivedAtMs: createdAtMs,
      });
      const output = [
        { headers: {}, path: '/', query: 'q=1', body: '{"out":1}', bodyKind: 'json' },
      ];
      const more =
        logLevel === 'fatal'
          ? { outcome: 'user_error', message: 'Error: no', line: 3, column: 7 }
          : { output: JSON.stringify(output) };
      const logs = [{ type: 'log', message: 'hello' }];
      const run = { ...ends, requestId, transformationId, logLevel, logs, createdAtMs, ...more };
      runs.push(await makeExecution(gateway.db, run));
    }
    const [info, warn, fatal] = runs;
    const path = `/transformations/${transformationId}/executions`;
    const ids = async (query: string) => each(await gateway.done('GET', `${path}?${query}`), 'id');
    expect(await ids('')).toEqual([fatal, warn, info]);
    expect(await ids('dir=asc')).toEqual([info, warn, fatal]);
    expect(await ids('log_level=warn&log_level=fatal')).toEqual([fatal, warn]);
    // Whoever looks for errors looks for code that failed, too.
    expect(await ids('log_level=error')).toEqual([fatal]);
    expect(await ids('log_level=error&log_level=info')).toEqual([fatal, info]);
    expect(await ids('log_level=info')).toEqual([info]);
    expect(await ids('outcome=user_error')).toEqual([fatal]);
    expect(await ids(`webhook_id=${ends.connectionId}`)).toHaveLength(3);
    expect(await ids(`webhook_id=web_${'0'.repeat(20)}`)).toEqual([]);
    expect(await ids('issue_id=iss_1')).toEqual([]);
    const at = (days: number) => new Date(Date.now() - days * dayMs).toISOString();
    expect(await ids(`created_at[gte]=${at(1.5)}`)).toEqual([fatal, warn]);
    expect(await ids(`created_at[lte]=${at(0.5)}`)).toEqual([warn, info]);
    const first = await gateway.done('GET', `${path}?limit=2`);
    const next = String((first['pagination'] as Json)['next']);
    expect(await ids(`limit=2&next=${next}`)).toEqual([info]);
    expect(first['models']).not.toContainEqual(
      expect.objectContaining({ original_event_data: expect.anything() }),
    );

    expect(await gateway.done('GET', `${path}/${warn}`)).toMatchObject({
      id: warn,
      webhook_id: ends.connectionId,
      log_level: 'warn',
      logs: [{ type: 'log', message: 'hello' }],
      original_event_data: { body: { n: 1 } },
      transformed_event_data: { body: { out: 1 }, parsed_query: { q: '1' } },
      duration_ms: 1.5,
    });
    expect(await gateway.done('GET', `${path}/${fatal}`)).toMatchObject({
      outcome: 'user_error',
      message: 'Error: no',
      line: 3,
      column: 7,
      transformed_event_data: null,
    });
  });

  test('that are not there, or belong to another transformation, are a 404', async () => {
    const code = handler('return request;');
    const one = await gateway.done('POST', '/transformations', { name: 'one', code });
    const two = await gateway.done('POST', '/transformations', { name: 'two', code });
    const requestId = await arrive(gateway.db, ends);
    const own = { ...ends, requestId, transformationId: String(one['id']) };
    const id = await makeExecution(gateway.db, own);
    const status = async (transformation: unknown, execution: string) =>
      (
        await gateway.ask(
          'GET',
          `/transformations/${String(transformation)}/executions/${execution}`,
        )
      ).status;
    expect(await status(one['id'], id)).toBe(200);
    expect(await status(two['id'], id)).toBe(404);
    expect(await status(one['id'], 'reqt_1')).toBe(404);
    expect(await status(one['id'], '%00')).toBe(404);
  });
});
