import { afterAll, describe, expect, it } from 'vitest';
import type { TransformJob, TransformOutcome } from '../../src/sandbox/job.ts';
import { handler, inputOf, jobOf, onlyRequest, REQUEST, testPool } from './sandbox.ts';

const pool = testPool();
afterAll(() => pool.close());

async function run(code: string, extra: Partial<TransformJob> = {}): Promise<TransformOutcome> {
  return pool.run(jobOf(code, { version: code, ...extra }));
}

async function only(code: string, extra: Partial<TransformJob> = {}) {
  return onlyRequest(await run(code, extra));
}

describe('a handler', () => {
  it('gets the request and the connection, and what it returns is delivered', async () => {
    const code = handler(`(request, context) => {
      request.body = { given: { ...request }, connection: context.connection, keys: Object.keys(context) };
      return request; }`);
    const request = await only(code, {
      input: inputOf(REQUEST, { id: 'web_9', source: { name: 'shop' } }),
    });
    expect(JSON.parse(request.body)).toEqual({
      given: REQUEST,
      connection: { id: 'web_9', source: { name: 'shop' } },
      keys: ['connection', 'drop'],
    });
    expect(request).toMatchObject({
      headers: REQUEST.headers,
      path: '/orders',
      query: 'a=1&b=2',
      bodyKind: 'json',
    });
  });

  it('reads its variables from process.env and finds no env anywhere else', async () => {
    const code = handler(
      '(request, context) => { request.body = [process.env.KEY, typeof process.env.NONE, typeof env, typeof context.env]; return request; }',
    );
    const request = await only(code, { env: { KEY: 'secret' } });
    expect(JSON.parse(request.body)).toEqual(['secret', 'undefined', 'undefined', 'undefined']);
  });

  it('may be async', async () => {
    const request = await only(
      handler(
        'async (request) => { request.body = await Promise.resolve("later"); return request; }',
      ),
    );
    expect(request).toMatchObject({ body: 'later', bodyKind: 'text' });
  });

  it('may return a body of every kind', async () => {
    for (const [body, text, kind] of [
      ['null', '', 'empty'],
      ['0', '0', 'json'],
      ['false', 'false', 'json'],
      ['"a"', 'a', 'text'],
      ['undefined', '', 'empty'],
    ]) {
      const request = await only(
        handler(`(request) => { request.body = ${body}; return request; }`),
      );
      expect(request).toMatchObject({ body: text, bodyKind: kind });
    }
  });

  it('drops an event with a reason, and only by saying so', async () => {
    expect(
      await run(handler('(r, context) => { context.drop("not ours"); return null; }')),
    ).toMatchObject({ kind: 'drop', reason: 'not ours' });
    expect(await run(handler('(r, context) => { context.drop(); }'))).toMatchObject({
      kind: 'drop',
      reason: '',
    });
    expect(await run(handler('(r, context) => { context.drop("x"); return r; }'))).toMatchObject({
      kind: 'result_error',
    });
  });

  it('splits one request into several by returning an array', async () => {
    const code = handler(
      '(request) => request.body.items.map((item) => ({ ...request, body: item }))',
    );
    const outcome = await run(code);
    expect(outcome).toMatchObject({ kind: 'ok', split: true });
    expect(outcome.kind === 'ok' && outcome.requests.map(({ body }) => body)).toEqual([
      '{"price":2}',
      '{"price":3}',
    ]);
    expect(await run(handler('() => []'))).toMatchObject({ kind: 'result_error' });
    expect(await run(handler('(r) => [r, null]'))).toMatchObject({
      kind: 'result_error',
      message: 'Entry 1 of the returned array is not a request.',
    });
    expect(await run(handler('(r) => Array(1001).fill({headers:r.headers})'))).toMatchObject({
      kind: 'too_large',
    });
  });
});

describe('what a handler returns is checked', () => {
  it.each(['null', 'undefined'])(
    '%s is answered with a hint to return the request',
    async (value) => {
      expect(await run(handler(`() => ${value}`))).toMatchObject({
        kind: 'result_error',
        message: expect.stringContaining(`returned ${value}. Is \`return request;\` missing`),
        logLevel: 'fatal',
      });
    },
  );

  it.each([
    ['a number', '() => 1', 'A number is not a request'],
    ['no headers', '() => ({ body: 1 })', 'no headers object'],
    ['no content type', '() => ({ headers: {}, body: 1 })', 'no content-type header'],
    [
      'a content type that is none',
      '() => ({ headers: { "Content-Type": "json" }, body: 1 })',
      'not a media type',
    ],
    [
      'a header that is an object',
      '(r) => { r.headers.a = {}; return r; }',
      '"a" must be a string',
    ],
    [
      'a header that adds a header',
      '(r) => { r.headers.a = "b\\r\\nc: d"; return r; }',
      'line break',
    ],
    [
      'a header that HTTP cannot carry',
      '(r) => { r.headers.a = "€"; return r; }',
      'HTTP cannot carry',
    ],
    ['a header name with a space', '(r) => { r.headers["a b"] = "c"; return r; }', 'not valid'],
    ['a path that is no string', '(r) => { r.path = 1; return r; }', 'path'],
    ['a path with a line break', '(r) => { r.path = "/a\\nb"; return r; }', 'percent-encoded'],
    ['a query that is no string', '(r) => { r.query = {}; return r; }', 'query'],
  ])('%s', async (_, expression, message) => {
    expect(await run(handler(expression))).toMatchObject({
      kind: 'result_error',
      message: expect.stringContaining(message),
    });
  });

  it('takes a header that was set last, in whatever case its name was written before', async () => {
    const code = handler(
      '(r) => { r.headers = { "content-type": "a/b", "X-One": "1" }; r.headers["Content-Type"] = "text/plain"; r.headers["x-one"] = "2"; return r; }',
    );
    expect((await only(code)).headers).toEqual({ 'Content-Type': 'text/plain', 'x-one': '2' });
  });

  it('ignores parsed_query, recomputes content-length, and keeps a path and query that are not mentioned', async () => {
    const code = handler(
      '() => ({ headers: { "content-type": "text/plain", "Content-Length": 1, n: 5 }, parsed_query: { x: 1 }, body: "äh" })',
    );
    expect(await only(code)).toEqual({
      headers: { 'content-type': 'text/plain', 'Content-Length': '3', n: '5' },
      path: '/orders',
      query: 'a=1&b=2',
      body: 'äh',
      bodyKind: 'text',
    });
  });

  it('refuses more than 1 MB out and more than 1 MB in', async () => {
    expect(await run(handler('(r) => { r.body = "x".repeat(1100000); return r; }'))).toMatchObject({
      kind: 'too_large',
    });
    expect(
      await run(handler('(r) => r'), {
        input: inputOf({ ...REQUEST, body: 'x'.repeat(1_100_000) }),
      }),
    ).toMatchObject({ kind: 'too_large' });
    expect(await run(handler('(r) => { r.body = "ä".repeat(600000); return r; }'))).toMatchObject({
      kind: 'too_large',
    });
  });
});

describe('errors name the place in the code of the user', () => {
  it.each([
    [
      'in the handler',
      'addHandler("transform", (request) => {\n  const a = 1;\n  return request.nope.deep;\n});',
      3,
      23,
    ],
    [
      'in a function it calls',
      'function inner() {\n    throw new Error("x");\n}\naddHandler("transform", () => inner());',
      2,
      11,
    ],
    ['after an await', 'addHandler("transform", async () => {\n  await 0;\n  null.x;\n});', 3, 8],
    ['at top level', '\n\nmissing();', 3, 1],
  ])('%s', async (_, code, line, column) => {
    const outcome = await run(code);
    expect(outcome).toMatchObject({ kind: 'user_error', line, column, logLevel: 'fatal' });
    expect(outcome.kind === 'user_error' && outcome.stack).not.toMatch(/sluice|isolated-vm/);
  });

  it('syntax errors too, when run and when checked', async () => {
    const place = {
      kind: 'rejected_source',
      message: "SyntaxError: Unexpected token ';'",
      line: 2,
      column: 9,
    };
    expect(await run('let a = 1;\nlet b = ;')).toMatchObject(place);
    expect(await pool.check('let a = 1;\nlet b = ;')).toEqual(place);
  });

  it('says how to register a handler when there is none, and which handlers exist', async () => {
    expect(await run('1')).toMatchObject({
      kind: 'user_error',
      message: expect.stringContaining('addHandler("transform"'),
    });
    expect(await run('addHandler("filter", () => 1)')).toMatchObject({
      kind: 'user_error',
      message: expect.stringContaining('only "transform"'),
    });
  });

  it('anything can be thrown', async () => {
    expect(await run(handler('() => { throw "a string"; }'))).toMatchObject({
      kind: 'user_error',
      message: 'Thrown: a string',
    });
    expect(await run(handler('() => { throw { code: 1 }; }'))).toMatchObject({
      message: 'Thrown: {"code":1}',
    });
    expect(await run(handler('() => { throw null; }'))).toMatchObject({ message: 'Thrown: null' });
    expect(await run(handler('async () => { throw new TypeError("late"); }'))).toMatchObject({
      message: 'TypeError: late',
    });
  });
});

describe('the check before code is saved', () => {
  it('accepts code that registers a handler and does not call it', async () => {
    expect(await pool.check(handler('() => { throw 1; }'))).toEqual({ kind: 'ok' });
  });

  it.each([
    ['code without a handler', 'const a = 1;', 'No handler'],
    ['code that loops', 'for(;;);', 'time limit'],
    ['code that throws', 'null.x', 'TypeError'],
    ['code over 256 kB', `//${'x'.repeat(256 * 1024)}`, 'the limit is'],
  ])('refuses %s', async (_, code, message) => {
    expect(await pool.check(code)).toMatchObject({
      kind: 'rejected_source',
      message: expect.stringContaining(message),
    });
  });
});

describe('the console', () => {
  it('is kept with its types, and the highest level used is told', async () => {
    const outcome = await run(
      handler(
        '(r) => { console.debug("d"); console.log("a", { b: [1] }, undefined, 2n); console.info("i"); console.warn("w"); console.error(new Error("e").message); return r; }',
      ),
    );
    expect(outcome).toMatchObject({ kind: 'ok', logLevel: 'error' });
    expect(outcome.logs).toEqual([
      { type: 'debug', message: 'd' },
      { type: 'log', message: 'a {"b":[1]} undefined 2' },
      { type: 'info', message: 'i' },
      { type: 'warn', message: 'w' },
      { type: 'error', message: 'e' },
    ]);
  });

  it('is kept when the handler fails, whose level is then fatal', async () => {
    const outcome = await run(handler('() => { console.log("before"); throw new Error("x"); }'));
    expect(outcome).toMatchObject({
      logLevel: 'fatal',
      logs: [{ type: 'log', message: 'before' }],
    });
  });

  it('keeps 100 lines or 64 kB and counts the rest', async () => {
    const many = await run(
      handler('(r) => { for (let i = 0; i < 1000; i++) console.log(i); return r; }'),
    );
    expect(many.logs).toHaveLength(101);
    expect(many.logs.at(-1)?.message).toBe('… 900 more lines were not kept.');
    const long = await run(
      handler('(r) => { for (let i = 0; i < 50; i++) console.log("x".repeat(5000)); return r; }'),
    );
    const kept = long.logs.reduce((sum, { message }) => sum + message.length, 0);
    expect(kept).toBeLessThan(66_000);
  });
});
