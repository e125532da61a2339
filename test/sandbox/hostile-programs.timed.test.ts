import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/sandbox/limits.ts';
import { HOSTILE, timeLimitMs } from './hostile.ts';
import { handler, jobOf, onlyRequest, REQUEST, testPool } from './sandbox.ts';

// Long enough to run out of memory first, on a busy machine too.
const pool = testPool({ limits: { maxTimeoutMs: 30_000 } });
afterAll(() => pool.close());

// What the pool adds to a guest's own limit before it kills, and a margin for a busy machine.
const MARGIN_MS = DEFAULT_LIMITS.killGraceMs + 1_500;

describe('a hostile program ends as it must, in bounded time', () => {
  it.each(HOSTILE)('$name', async (program) => {
    const { name, code, ends } = program;
    const timeoutMs = timeLimitMs(program);
    const outcome = await pool.run(jobOf(code, { version: name, timeoutMs }));
    expect(ends).toContain(outcome.kind);
    // Where memory runs out the child ends by itself, and nobody waits for the time limit.
    const isMemory = ends.length === 1 && ends[0] === 'memory';
    expect(outcome.durationMs).toBeLessThan(timeoutMs + (isMemory ? 0 : MARGIN_MS));
    expect(outcome.logLevel === 'fatal').toBe(outcome.kind !== 'ok');
  });

  it('bounds a regular expression that explodes when compiled, whatever it ends as', async () => {
    const code = handler(
      'e => { new RegExp("(".repeat(500) + "a{9}{9}{9}".slice(0,4) + ")*".repeat(500)).test("a"); return e; }',
    );
    const outcome = await pool.run(jobOf(code, { timeoutMs: 250 }));
    expect(outcome.durationMs).toBeLessThan(250 + MARGIN_MS);
  });

  it('still runs the next event as if nothing had happened', async () => {
    const outcome = await pool.run(jobOf(handler('e => e'), { version: 'calm' }));
    expect(outcome).toMatchObject({ kind: 'ok', split: false });
  });
});

describe('pollution stays where it was made', () => {
  const POLLUTION = `
    Object.prototype.toJSON = () => 'polluted'; Array.prototype.toJSON = () => 'polluted';
    Object.prototype.headers = { 'x-evil': '1' }; String.prototype.slice = () => 'evil';
    JSON.stringify = () => '"evil"'; JSON.parse = () => 'evil'; Promise.prototype.then = () => {};
    Promise.prototype.constructor = class {}; Array.prototype[Symbol.iterator] = () => { throw 1; };
    globalThis.leaked = 1; addHandler.leaked = 1;`;

  it.each(['strict', 'fast'] as const)(
    '17 neither its own result nor the next event changes: %s',
    async (isolation) => {
      const names = { isolation, version: `pollution-${isolation}` };
      const code = `addHandler('transform', async (request) => {
      const before = [typeof leaked, typeof ({}).toJSON, typeof ({}).headers, JSON.stringify({ a: 1 })];
      ${POLLUTION}
      request.body = { before }; return request; })`;
      for (let event = 0; event < 3; event++) {
        const outcome = await pool.run(jobOf(code, names));
        const request = onlyRequest(outcome);
        expect(request.headers).toEqual(REQUEST.headers);
        expect(JSON.parse(request.body)).toEqual({
          before: ['undefined', 'undefined', 'undefined', '{"a":1}'],
        });
      }
    },
  );

  it('38 a result with __proto__ stays text and changes no object of ours', async () => {
    const code = handler(
      `e => { e.body = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'); e.headers = JSON.parse('{"content-type":"a/b","__proto__":"x"}'); return e; }`,
    );
    const outcome = await pool.run(jobOf(code));
    const request = onlyRequest(outcome);
    expect(request.body).toContain('"__proto__":{"polluted":1}');
    expect(Object.getPrototypeOf({ ...request.headers })).toBe(Object.prototype);
    expect('polluted' in {}).toBe(false);
  });

  it('no host name can be reached from a guest', async () => {
    const code = handler(
      `e => { e.body = { names: ['process', 'require', 'module', 'global', 'Buffer', 'fetch', 'setTimeout', 'setImmediate', 'queueMicrotask', 'performance', 'structuredClone', 'WebAssembly', 'SharedArrayBuffer', '$0'].filter((name) => name !== 'process' && typeof globalThis[name] !== 'undefined'), process: Object.keys(process), own: Object.getOwnPropertyNames(globalThis).filter((name) => /^[a-z_$]/.test(name)) }; return e; }`,
    );
    const outcome = await pool.run(jobOf(code, { env: { A: '1' } }));
    const body = JSON.parse(onlyRequest(outcome).body) as {
      names: string[];
      process: string[];
      own: string[];
    };
    expect(body.names).toEqual([]);
    expect(body.process).toEqual(['env']);
    expect(body.own.toSorted()).toEqual([
      'addHandler',
      'console',
      'decodeURI',
      'decodeURIComponent',
      'encodeURI',
      'encodeURIComponent',
      'escape',
      'eval',
      'globalThis',
      'isFinite',
      'isNaN',
      'parseFloat',
      'parseInt',
      'process',
      'undefined',
      'unescape',
    ]);
  });
});
