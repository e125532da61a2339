import { afterAll, describe, expect, it } from 'vitest';
import { handler, jobOf, testPool } from './sandbox.ts';

const pool = testPool();
afterAll(() => pool.close());

// Names of our own programs, and of what runs them.
const OURS = /sluice:|isolated-vm|eval \(<anonymous>\)|prelude|callHandler|describeThrown|\/src\//;
const PLACE = /at .*transformation\.js:\d+:\d+/;

const run = (code: string) => pool.run(jobOf(code));

describe('an error shows the code of the user and no frame of ours', () => {
  it.each([
    ['thrown in the handler', handler('() => { throw new Error("x"); }')],
    ['thrown after an await', handler('async () => { await 0; throw new Error("x"); }')],
    ['thrown at the top level', 'throw new Error("x");'],
    ['a value that is no error', handler('() => { throw { stack: new Error("x").stack }; }')],
    ['made of the text of a stack', handler('() => { throw new Error(new Error("x").stack); }')],
    ['thrown by a library of ours', handler('() => new URL("nowhere")')],
    ['thrown where JSON is read', handler('() => JSON.parse("{")')],
    ['code that does not parse when it runs', handler('() => new Function("(")()')],
    ['code that does not parse', 'let = ;'],
    ['too many calls', handler('function f() { return f(); }')],
    ['no handler', 'const a = 1;'],
    ['a promise that fails', handler('() => Promise.reject(new RangeError("x"))')],
    ['a promise that never ends', handler('() => new Promise(() => {})')],
  ])('%s', async (_, code) => {
    const outcome = await run(code);
    expect(outcome).toMatchObject({ logLevel: 'fatal', message: expect.any(String) });
    expect(JSON.stringify(outcome)).not.toMatch(OURS);
  });

  it.each([
    ['logged', 'console.error(new Error("x"))'],
    ['logged as text', 'console.log("it was " + new Error("x").stack)'],
    ['caught from a library of ours', 'try { new URL("nowhere") } catch (e) { console.error(e) }'],
    ['captured', 'const o = {}; Error.captureStackTrace(o); console.log(o.stack)'],
    [
      'formatted by the code itself',
      'Error.prepareStackTrace = (e, frames) => frames.map((f) => "at " + f).join("|"); console.log(new Error("x").stack)',
    ],
  ])('%s', async (_, statement) => {
    const { kind, logs } = await run(handler(`(request) => { ${statement}; return request; }`));
    expect(kind).toBe('ok');
    expect(logs[0]?.message).toMatch(PLACE);
    expect(JSON.stringify(logs)).not.toMatch(OURS);
  });

  it('in what the code returns', async () => {
    const outcome = await run(
      handler('(request) => ({ ...request, body: { at: new Error("x").stack } })'),
    );
    const [request] = outcome.kind === 'ok' ? outcome.requests : [];
    expect(request?.body).toMatch(PLACE);
    expect(request?.body).not.toMatch(OURS);
  });

  it('when it is logged at the top level and after an await', async () => {
    const outcome = await run(
      `console.warn(new Error("top"));
       ${handler('async (request) => { await 0; console.warn(new Error("late")); return request; }')}`,
    );
    expect(outcome.logs).toHaveLength(2);
    for (const { message } of outcome.logs) expect(message).toMatch(PLACE);
    expect(JSON.stringify(outcome.logs)).not.toMatch(OURS);
  });

  it('when it is checked before it is saved', async () => {
    const outcome = await pool.check('throw new Error("x");');
    expect(outcome).toMatchObject({ kind: 'rejected_source', line: 1 });
    expect(JSON.stringify(outcome)).not.toMatch(OURS);
  });
});

it('a stack reads as V8 writes it: the error first, then its frames', async () => {
  const code =
    'function inner() {\n  return new TypeError("what");\n}\naddHandler("transform", (r) => ({ ...r, body: inner().stack }));';
  const outcome = await run(code);
  const [request] = outcome.kind === 'ok' ? outcome.requests : [];
  expect(request?.body).toBe(
    'TypeError: what\n    at inner (transformation.js:2:10)\n    at eval (transformation.js:4:47)',
  );
});
