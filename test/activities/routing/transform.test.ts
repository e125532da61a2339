import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TransformJob } from '../../../src/sandbox/job.ts';
import { handler, startRouting } from './routing.ts';

let routing: Awaited<ReturnType<typeof startRouting>>;
beforeAll(async () => {
  routing = await startRouting();
});

const HEADERS_ONLY = handler('request.headers["x-added"] = "1"; return request;');

/** Takes a request through code, and returns what its one event sends. */
async function sent(code: string, arriving: Parameters<typeof routing.take>[1] = {}) {
  const { events, ignored } = await routing.take([await routing.code(code)], arriving);
  expect(ignored).toEqual([]);
  expect(events).toHaveLength(1);
  return routing.payloadOf(events[0]!.id);
}

describe('the body stays byte for byte what came in while code leaves it alone', () => {
  test.each([
    [
      'JSON with its own spacing and numbers',
      '{ "n" : 12345678901234567890, "a":1.0 }\n',
      'application/json',
    ],
    ['the JSON text null', 'null', 'application/json'],
    ['JSON that is a string', '"text"', 'application/json'],
    ['JSON that does not parse', '{"half":', 'application/json'],
    ['bytes that are no text', Buffer.from([0, 255, 254, 10, 13, 0]), 'application/octet-stream'],
    ['a form', 'a=1&b=%20x&a=2', 'application/x-www-form-urlencoded'],
    ['XML', '<a>\n<b/></a>', 'application/xml'],
    ['no body', '', 'application/json'],
    ['JSON nested a thousand deep', `${'['.repeat(1_000)}${']'.repeat(1_000)}`, 'application/json'],
  ])('%s', async (_name, body, type) => {
    const { headers, body: out } = await sent(HEADERS_ONLY, {
      body,
      headers: [['Content-Type', type]],
    });
    expect(out).toEqual(Buffer.from(body));
    expect(headers).toContainEqual(['x-added', '1']);
  });

  test('a compressed body stays compressed; it is shown unpacked', async () => {
    const body = gzipSync('{"n":1}');
    const headers: [string, string][] = [
      ['Content-Type', 'application/json'],
      ['Content-Encoding', 'gzip'],
    ];
    const code = handler('request.headers["x-n"] = request.body.n; return request;');
    const kept = await sent(code, { body, headers });
    expect(kept.body).toEqual(body);
    expect(kept.headers).toContainEqual(['content-encoding', 'gzip']);
    expect(kept.headers).toContainEqual(['x-n', '1']);

    const changed = await sent(handler('request.body.n = 2; return request;'), { body, headers });
    expect(changed.body.toString()).toBe('{"n":2}');
    expect(changed.headers.map(([name]) => name)).not.toContain('content-encoding');
  });

  test('one whose compression cannot be undone goes through as it is', async () => {
    const headers: [string, string][] = [
      ['Content-Type', 'application/json'],
      ['Content-Encoding', 'gzip'],
    ];
    const { body } = await sent(HEADERS_ONLY, { body: 'not gzip', headers });
    expect(body.toString()).toBe('not gzip');
  });

  test('code that changes nothing at all leaves the headers in their order and case too', async () => {
    const rule = await routing.code(handler('return request;'));
    const { events, requestId } = await routing.take([rule], { body: ' {} ' });
    expect(events).toMatchObject([{ has_payload: false }]);
    expect(await routing.executionsOf(requestId)).toMatchObject([{ outcome: 'ok' }]);
  });
});

describe('what code makes is what goes out', () => {
  test('path, query, headers and body', async () => {
    const code = handler(`
      return { ...request, path: '/made', query: '?a=b', body: 'text', headers: { 'content-type': 'text/plain' } };`);
    expect(await sent(code)).toMatchObject({
      path: '/made',
      query: 'a=b',
      body: Buffer.from('text'),
      headers: [['content-type', 'text/plain']],
    });
  });

  test('an object under the content type of a form or of lines of JSON is written as such', async () => {
    const form: [string, string][] = [['Content-Type', 'application/x-www-form-urlencoded']];
    const code = handler('request.body.b = ["x y", 2]; request.body.c = { d: 1 }; return request;');
    const asForm = await sent(code, { body: 'a=1', headers: form });
    expect(asForm.body.toString()).toBe('a=1&b=x+y&b=2&c=%7B%22d%22%3A1%7D');

    const lines: [string, string][] = [['Content-Type', 'application/x-ndjson']];
    const more = handler('request.body.push({ n: 3 }); return request;');
    const asLines = await sent(more, { body: '{"n":1}\n{"n":2}\n', headers: lines });
    expect(asLines.body.toString()).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
  });

  test('members called __proto__ and constructor go in and out as members', async () => {
    const body = '{"__proto__":{"a":1},"constructor":2}';
    const code = handler('request.body.n = Object.keys(request.body).length; return request;');
    expect((await sent(code, { body })).body.toString()).toBe(
      '{"__proto__":{"a":1},"constructor":2,"n":2}',
    );
  });
});

test('code is told of its environment, its connection and the parsed query, and of no secret', async () => {
  const code = handler(
    'request.body = { env: process.env, context, query: request.parsed_query }; return request;',
  );
  const rule = await routing.code(code, { KEY: 'value' });
  const { events, connectionId, sourceId, destinationId } = await routing.take([rule], {
    query: 'a=1&a=2',
  });
  const { body } = await routing.payloadOf(events[0]!.id);
  expect(JSON.parse(body.toString())).toMatchObject({
    env: { KEY: 'value' },
    query: { a: ['1', '2'] },
    context: {
      connection: {
        id: connectionId,
        team_id: routing.projectId,
        source: { id: sourceId, type: 'WEBHOOK' },
        destination: { id: destinationId, type: 'HTTP', config: { url: 'http://127.0.0.1:9' } },
        rules: [rule],
      },
    },
  });
});

test('code runs apart as its transformation says, in the turn of its source', async () => {
  const jobs: TransformJob[] = [];
  const run = (job: TransformJob) => {
    jobs.push(job);
    return routing.sandbox.run(job);
  };
  const strict = await routing.code(HEADERS_ONLY);
  const fast = await routing.code(HEADERS_ONLY, {}, 'fast');
  const { sourceId } = await routing.define([strict, fast]);
  const [id] = await routing.arrive(sourceId, {});
  await routing.route([id!], routing.worker({ sandbox: { run } }));
  expect(jobs).toMatchObject([
    { tenant: sourceId, transformationId: strict.transformation_id, isolation: 'strict' },
    { tenant: sourceId, transformationId: fast.transformation_id, isolation: 'fast' },
  ]);
  expect(await routing.eventsOf(id!)).toHaveLength(1);
});

describe('code that does not make a request', () => {
  const loop = 'for (;;);';
  test.each([
    ['throws', '\nconst a = null;\na.b();', { error: 'user_error', line: 4 }],
    ['has no end', loop, { error: 'timeout' }],
    ['waits for ever', 'return new Promise(() => {});', { error: 'async_hang' }],
    ['returns nothing', 'request.body = 1;', { error: 'result_error' }],
    [
      'returns a request without a content type',
      'return { ...request, headers: {} };',
      { error: 'result_error' },
    ],
    ['eats memory', 'const a = []; for (;;) a.push(new Array(1e5).fill(1));', { error: 'memory' }],
    ['returns too much', 'request.body = "x".repeat(2e6); return request;', { error: 'too_large' }],
  ])('that %s: the request is ignored with the reason', async (_name, code, expected) => {
    const rule = await routing.code(handler(code));
    const { events, ignored, requestId } = await routing.take([rule]);
    expect(events).toEqual([]);
    const reason = expect.stringMatching(/\w/);
    expect(ignored).toMatchObject([
      {
        cause: 'TRANSFORMATION_FAILED',
        meta: { transformation_id: rule.transformation_id, reason, ...expected },
      },
    ]);
    expect(await routing.executionsOf(requestId)).toMatchObject([
      { outcome: expected.error, log_level: 'fatal', output: null, message: reason },
    ]);
  });

  test('a body beyond the input limit is a failure, not a fault', async () => {
    const rule = await routing.code(handler('return request;'));
    const { ignored } = await routing.take([rule], { body: JSON.stringify('x'.repeat(1_100_000)) });
    expect(ignored).toMatchObject([
      { cause: 'TRANSFORMATION_FAILED', meta: { error: 'too_large' } },
    ]);
  });

  test('code may drop a request on purpose, with a reason', async () => {
    const rule = await routing.code(handler('context.drop("test mode"); return null;'));
    const { events, ignored, requestId } = await routing.take([rule]);
    expect(events).toEqual([]);
    expect(ignored).toMatchObject([
      {
        cause: 'TRANSFORMATION_DROPPED',
        meta: { transformation_id: rule.transformation_id, reason: 'test mode' },
      },
    ]);
    expect(await routing.executionsOf(requestId)).toMatchObject([
      { outcome: 'drop', log_level: 'info', message: 'test mode' },
    ]);
  });

  test('a deleted transformation runs no more', async () => {
    const rule = await routing.code(handler('return request;'));
    await routing.db.query({
      text: 'update transformations set deleted_at = now(), updated_at = now() where id = $1',
      values: [rule.transformation_id],
    });
    await routing.configuration.refresh();
    const { ignored } = await routing.take([rule]);
    expect(ignored).toMatchObject([
      { cause: 'TRANSFORMATION_FAILED', meta: { reason: 'The transformation was deleted.' } },
    ]);
  });
});

test('code that sets a header which deliveries do not carry is told so, once, and nothing is said of what it left alone', async () => {
  const rule = await routing.code(
    handler(`
      request.headers['X-Sluice-Signature'] = 'mine';
      request.headers['webhook-id'] = 'mine';
      request.headers.host = 'elsewhere';
      return [request, request];`),
  );
  const headers: [string, string][] = [
    ['Content-Type', 'application/json'],
    ['Host', 'in.example.com'],
    ['X-Sluice-Source-Name', 'published'],
    ['Webhook-Timestamp', '1'],
  ];
  const { requestId, events } = await routing.take([rule], { headers });
  expect(events).toHaveLength(2);
  const [run] = await routing.executionsOf(requestId);
  expect(run!.log_level).toBe('warn');
  expect(run!.logs.map(({ message }) => message.split(/[.:,]/)[0])).toEqual([
    'The header host is not delivered as set here',
    'The header x-sluice-signature is not delivered',
    'The header webhook-id is delivered as x-sluice-original-webhook-id',
  ]);
});

test('a run is recorded with what was said, what went out and how long it took', async () => {
  const rule = await routing.code(
    handler(
      'console.log("a", { b: 1 }); console.warn("careful"); request.body = 7; return request;',
    ),
  );
  const { requestId } = await routing.take([rule], { body: '{"in":1}' });
  const [run, ...others] = await routing.executionsOf(requestId);
  expect(others).toEqual([]);
  expect(run).toMatchObject({
    outcome: 'ok',
    log_level: 'warn',
    version: 1,
    logs: [
      { type: 'log', message: 'a {"b":1}' },
      { type: 'warn', message: 'careful' },
    ],
  });
  expect(JSON.parse(run!.output!)).toMatchObject([{ body: '7' }]);
  expect(run!.duration_ms).toBeGreaterThan(0);
});
