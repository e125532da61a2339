import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LogLevel, type LogLine } from '../../src/sandbox/job.ts';
import type { SandboxPool } from '../../src/sandbox/pool.ts';
import { jsonText, objectText } from '../domain/numbers/numbers.ts';
import { handler, jobOf, onlyRequest, testPool } from './sandbox.ts';

let pool: SandboxPool;
beforeAll(() => {
  pool = testPool();
});
afterAll(() => pool.close());

const ONE = '8202522731445525542';
const OTHER = '8202522731445525543';
const ROUNDED = '8202522731445526000';
const BODY = `{"id":${ONE},"price":1.10,"whole":1.0,"huge":1e400,"tiny":1e-400,"none":-0,"e":1e2}`;

function inputWith(body: string): string {
  const rest = '"query":"","parsed_query":{},"path":"/"';
  return `{"request":{"headers":{"content-type":"application/json"},"body":${body},${rest}},"context":{"connection":null}}`;
}

/** What a handler, whose last step returns the request, makes of a body; in its own time, for this is not about the limit. */
async function made(body: string, statements: string) {
  const code = handler(`(request) => { ${statements}; return request; }`);
  const outcome = await pool.run(jobOf(code, { input: inputWith(body), timeoutMs: 15_000 }));
  const { headers, path, body: text } = onlyRequest(outcome);
  return { body: text, headers, path, logs: outcome.logs, logLevel: outcome.logLevel };
}

function warnings(logs: readonly LogLine[]): string[] {
  return logs.filter(({ type }) => type === 'warn').map(({ message }) => message);
}

describe('a number that code leaves alone leaves as it was written', () => {
  test('where code changes nothing, and where it sets another field', async () => {
    expect(await made(BODY, '')).toMatchObject({ body: BODY, logs: [], logLevel: LogLevel.Info });
    const set = await made(BODY, 'request.body.x = 1');
    expect(set).toMatchObject({ body: BODY.replace('}', ',"x":1}'), logs: [] });
  });

  test('in any JSON, through code that changes nothing', async () => {
    const body = fc.oneof(objectText(jsonText), jsonText);
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        fc.pre(text !== 'null' && !text.startsWith('"'));
        const result = await made(text, '');
        expect(result).toMatchObject({ body: text, logs: [] });
      }),
      { numRuns: 60 },
    );
  });

  test('in any JSON, through code that copies it', async () => {
    await fc.assert(
      fc.asyncProperty(objectText(jsonText), async (text) => {
        const cloned = await made(text, 'request.body = JSON.parse(JSON.stringify(request.body))');
        expect(cloned).toMatchObject({ body: text, logs: [] });
        const asText = await made(text, 'request.body = JSON.stringify(request.body)');
        expect(asText.body).toBe(text);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ['spread', 'request.body = { ...request.body }'],
    ['assigned', 'request.body = Object.assign({}, request.body)'],
    ['built from its entries', 'request.body = Object.fromEntries(Object.entries(request.body))'],
    ['formatted', 'request.body = JSON.parse(JSON.stringify(request.body, (k, v) => v, 2))'],
  ])('where the object around it is %s', async (_name, statement) => {
    expect(await made(BODY, statement)).toMatchObject({ body: BODY, logs: [] });
  });

  test('where it moves: into another object, under another name, into a list and a header', async () => {
    const { body, headers, logs } = await made(
      BODY,
      `const { id, price, huge } = request.body;
       request.headers['x-id'] = id;
       request.headers['x-price'] = price;
       request.body = { wrapper: { id, amount: price }, ids: [id], huge }`,
    );
    expect(body).toBe(`{"wrapper":{"id":${ONE},"amount":1.10},"ids":[${ONE}],"huge":1e400}`);
    expect(headers).toMatchObject({ 'x-id': ONE, 'x-price': '1.10' });
    expect(logs).toEqual([]);
  });

  test('in each piece of a split request', async () => {
    const code = handler('(request) => request.body.map((body) => ({ ...request, body }))');
    const outcome = await pool.run(
      jobOf(code, { input: inputWith(`[{"id":${ONE}},{"id":${OTHER}}]`) }),
    );
    if (outcome.kind !== 'ok') throw new Error(outcome.kind);
    expect(outcome.requests.map(({ body }) => body)).toEqual([`{"id":${ONE}}`, `{"id":${OTHER}}`]);
  });

  test('in JSON within a text', async () => {
    const inner = JSON.stringify(`{"id":${ONE},"price":1.10}`);
    const { body } = await made(
      `{"Message":${inner}}`,
      'const m = JSON.parse(request.body.Message); m.seen = true; request.body = m',
    );
    expect(body).toBe(`{"id":${ONE},"price":1.10,"seen":true}`);
  });

  test('with either isolation, and after an event whose numbers are usual', async () => {
    const code = handler('(request) => { request.body.x = 1; return request; }');
    for (const isolation of ['fast', 'strict'] as const) {
      for (const given of ['{"a":1}', BODY, '{"a":2}', BODY]) {
        const job = jobOf(code, { isolation, input: inputWith(given) });
        expect(onlyRequest(await pool.run(job)).body).toBe(given.replace('}', ',"x":1}'));
      }
    }
  });
});

describe('code sees ordinary numbers', () => {
  test('that are numbers, with which it can calculate', async () => {
    const { body } = await made(
      '{"price":1.10,"n":2.50,"e":1e2}',
      `const { price, n, e } = request.body;
       request.body = { type: typeof price, sum: n + e, text: String(price), is: price === 1.1, int: Number.isInteger(e) }`,
    );
    expect(JSON.parse(body)).toEqual({
      type: 'number',
      sum: 102.5,
      text: '1.1',
      is: true,
      int: true,
    });
  });

  test('and what it sets is what it sets', async () => {
    const { body } = await made(
      BODY,
      'request.body = { id: 5, price: 1.2, whole: 2, other: 1, none: 0, zero: 0, minus: -0, list: [1, 100] }',
    );
    expect(body).toBe(
      '{"id":5,"price":1.2,"whole":2,"other":1,"none":-0,"zero":0,"minus":0,"list":[1,100]}',
    );
  });

  test('a BigInt leaves as the number it is, and so does what JSON.rawJSON made', async () => {
    for (const body of ['{"a":1}', BODY]) {
      const result = await made(
        body,
        `request.headers['x-n'] = ${ONE}n; request.body = { n: ${ONE}n, m: -5n, raw: JSON.rawJSON('1.50') }`,
      );
      expect(result.body).toBe(`{"n":${ONE},"m":-5,"raw":1.50}`);
      expect(result.headers['x-n']).toBe(ONE);
      expect(result.logs).toEqual([]);
    }
  });

  test('a BigInt leaves as code says where it says so, and is no JSON in its own texts', async () => {
    const own = await made(
      '{"a":1}',
      'BigInt.prototype.toJSON = function () { return String(this) }; request.body.a = 7n',
    );
    expect(own.body).toBe('{"a":"7"}');
    for (const body of ['{"a":1}', BODY]) {
      const code = handler('() => JSON.stringify({ a: 1n })');
      const outcome = await pool.run(jobOf(code, { input: inputWith(body), timeoutMs: 15_000 }));
      expect(outcome).toMatchObject({
        kind: 'user_error',
        message: expect.stringMatching(/BigInt/) as string,
      });
    }
  });

  test('JSON takes a replacer, a list of names, an indent and a reviver as ever', async () => {
    const { body } = await made(
      `{"a":1.10,"b":{"a":${ONE},"c":3}}`,
      `const b = request.body;
       request.body = [
         JSON.stringify(b, (key, value) => (key === 'c' ? undefined : typeof value === 'number' && value < 2 ? value * 2 : value)),
         JSON.stringify(b, ['b', 'c']), JSON.stringify({ a: b.a }, null, 2), JSON.stringify(undefined), JSON.stringify(b.a),
         JSON.parse('[1.10, 2]', (key, value) => (typeof value === 'number' ? value + 1 : value)),
       ]`,
    );
    expect(JSON.parse(body)).toEqual([
      `{"a":2.2,"b":{"a":${ONE}}}`,
      '{"b":{"c":3}}',
      '{\n  "a": 1.10\n}',
      null,
      '1.10',
      [2.1, 3],
    ]);
  });

  test('a console line shows numbers as they were written', async () => {
    const { logs } = await made(BODY, 'console.log(request.body)');
    expect(logs).toEqual([{ type: 'log', message: BODY }]);
  });
});

describe('of numbers that are one double', () => {
  const two = `{"a":{"id":${ONE},"name":"a"},"b":{"id":${OTHER},"name":"b"},"ids":[${ONE},${OTHER}]}`;

  test('each leaves as it came from where it came from, and from a copy of that', async () => {
    const { body, logs } = await made(
      two,
      'const { a, b, ids } = request.body; request.body = { b: { ...b, seen: true }, ids, a: { x: 1, ...a } }',
    );
    expect(body).toBe(
      `{"b":{"id":${OTHER},"name":"b","seen":true},"ids":[${ONE},${OTHER}],"a":{"x":1,"id":${ONE},"name":"a"}}`,
    );
    expect(logs).toEqual([]);
  });

  test('copies of very many are told apart while that is quick, and then said to be rounded', async () => {
    const others = Array.from('abcdefg', (name) => `,"${name}":1`).join('');
    const ids = Array.from({ length: 12_000 }, (_, n) => BigInt(ONE) + BigInt(6 * n));
    const result = await made(
      `[${ids.map((id, n) => `{"id":${id},"n":${n}${others}}`).join()}]`,
      'request.body = request.body.map((item) => ({ ...item }))',
    );
    expect(result.body).toContain(`[{"id":${ids[0]},`);
    expect(result.body).not.toContain(String(ids.at(-1)));
    expect(warnings(result.logs).at(-1)).toMatch(/^… and \d+ more numbers\.$/);
  });

  test.each([
    ['one that moves', 'request.body = { x: [{ first: request.body.a.id }] }', 'body.x[0].first'],
    [
      'one of a list that was turned round and cut',
      'request.body.ids.reverse().pop()',
      'body.ids[0]',
    ],
    ['one of a copied list', 'request.body = { l: [...request.body.ids.slice(1)] }', 'body.l[0]'],
    [
      'one of a list that was filtered',
      'request.body = { l: request.body.ids.filter((x, i) => i) }',
      'body.l[0]',
    ],
    ['a header', 'request.headers["x-id"] = request.body.b.id', 'headers.x-id'],
  ])('%s leaves rounded, and the log names the place', async (_name, statement, place) => {
    const { body, headers, logs, logLevel } = await made(two, statement);
    expect(body + JSON.stringify(headers)).toContain(ROUNDED);
    const lines = warnings(logs);
    expect(lines).toHaveLength(1);
    for (const part of [`request.${place} `, ROUNDED, ONE, OTHER]) expect(lines[0]).toContain(part);
    expect(logLevel).toBe(LogLevel.Warn);
  });

  test('a text made of a rounded number is told of too, once for each place', async () => {
    const { logs } = await made(
      `{"id":${ONE}}`,
      'request.path = `/orders/${request.body.id}`; request.body.text = String(request.body.id); console.info("x")',
    );
    expect(warnings(logs)).toEqual([
      expect.stringMatching(/request\.body\.text holds 8202522731445526000/),
      expect.stringMatching(/request\.path holds 8202522731445526000/),
    ]);
  });

  test('nothing is told of a text that came in, or of a number that is this double', async () => {
    const came = `{"id":${ONE},"text":"${ROUNDED}","same":${ROUNDED}}`;
    expect(await made(came, 'request.body.x = 1')).toMatchObject({
      body: came.replace(/\}$/, ',"x":1}'),
      logs: [],
    });
  });

  test('the log tells of ten, and of how many more, beside all that the code logged', async () => {
    const { logs } = await made(
      two,
      'for (let i = 0; i < 300; i++) console.log(i); request.body = Array(50).fill(request.body.a.id)',
    );
    const lines = warnings(logs);
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toContain('40 more');
  });
});

test('code that replaces what JavaScript brings changes no number', async () => {
  const code = `
    for (const type of [Map, String, Number, Array, RegExp, BigInt]) {
      for (const name of Object.getOwnPropertyNames(type.prototype)) {
        if (name === 'constructor') continue;
        try { type.prototype[name] = () => { throw new Error('replaced'); }; } catch {}
      }
    }
    Object.is = () => true; Object.hasOwn = () => true; Array.isArray = () => false; Number.isInteger = () => true;
    JSON.parse = JSON.stringify = JSON.rawJSON = JSON.isRawJSON = () => '7';
    Object.defineProperty(Object.prototype, 'source', { get() { return '7'; } });
    ${handler('(request) => { request.body.x = 1; return request; }')}`;
  const { body } = onlyRequest(await pool.run(jobOf(code, { input: inputWith(BODY) })));
  expect(body).toBe(BODY.replace('}', ',"x":1}'));
});

test('thousands of unusual numbers fit into the time and the memory of a run', async () => {
  const items = Array.from({ length: 2_000 }, (_, n) => `{"id":${ONE},"price":${n}.10,"n":"${n}"}`);
  const body = `{"items":[${items.join(',')}]}`;
  const code = handler('(request) => { request.body.x = 1; return request; }');
  const job = jobOf(code, { input: inputWith(body) });
  const changed = onlyRequest(await pool.run(job)).body;
  expect(changed === body.replace(/\}$/, ',"x":1}')).toBe(true);
});
