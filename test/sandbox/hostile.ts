// Programs that try to escape, hang, or eat the machine, and how each must end. `numbers` are those
// of the table in the design; a program that must end as `ok` returns its request unharmed.
import type { TransformOutcome } from '../../src/sandbox/job.ts';
import { handler } from './sandbox.ts';

export type Kind = TransformOutcome['kind'];
export type Hostile = { name: string; code: string; ends: readonly Kind[] };

const LOOPING = 'new Proxy({}, {get(){for(;;);},getPrototypeOf(){for(;;);},ownKeys(){for(;;);}})';

function one(name: string, expression: string, ...ends: Kind[]): Hostile {
  return { name, code: handler(expression), ends };
}

export const HOSTILE: readonly Hostile[] = [
  one('1 loops in the handler', '() => { for(;;); }', 'timeout'),
  { name: '1 loops at top level', code: 'for(;;);', ends: ['timeout'] },
  one('2 pushes without end', '() => { const a=[]; for(;;) a.push({a}); }', 'memory'),
  one('3 doubles a string', '() => { let s="x"; for(;;) s+=s; }', 'user_error'),
  one('4 fills a huge array', 'e => Array(1e9).fill(0)', 'memory'),
  one(
    '5 allocates buffers',
    '() => { const a=[]; for(;;) a.push(new ArrayBuffer(1e8)); }',
    'user_error',
  ),
  one(
    '6 makes a million keys',
    'e => {let o={};for(let i=0;i<1e6;i++)o["a"+i]="WKEG"+i;return o}',
    'memory',
    'killed',
    'timeout',
  ),
  one(
    '6 fills a Map',
    'e => {const m=new Map();for(let i=0;;i++)m.set(i,{})}',
    'memory',
    'killed',
    'timeout',
  ),
  one(
    '7 copies a buffer to an array',
    'e => { const b=new Uint8Array(25e6); return Array.from(b) }',
    'memory',
    'killed',
    'timeout',
  ),
  one('8 concatenates arrays', 'e => {let a=Array(2**25).fill(0);for(;;)a=a.concat(a)}', 'memory'),
  one(
    '9 resizes a buffer',
    'e => {const b=new ArrayBuffer(1,{maxByteLength:1e9});b.resize(5e8);new Uint8Array(b).fill(1);return b.byteLength}',
    'user_error',
  ),
  one(
    '9 transfers a buffer',
    'e => {let b=new ArrayBuffer(1,{maxByteLength:1e9});b=b.transfer(5e8);return b.byteLength}',
    'user_error',
  ),
  one('10 recurses', 'function f() { return f() + 1; }', 'user_error'),
  one('11 never settles', '() => new Promise(() => {})', 'async_hang'),
  one('12 awaits for ever', 'async () => { for(;;) await 0; }', 'timeout'),
  one(
    '12 awaits for ever, detached',
    'e => { (async () => { for(;;) await 0; })(); return e; }',
    'timeout',
  ),
  one(
    '12 runs a detached async generator',
    'e => { (async () => { for await (const x of (async function*(){ for(;;) yield 1; })()); })(); return e; }',
    'timeout',
  ),
  one('13 returns a looping thenable', '() => ({ then() { for(;;); } })', 'timeout'),
  one('14 returns 50 MB', 'e => { e.body = "x".repeat(5e7); return e; }', 'too_large', 'memory'),
  one('15 returns a looping getter', 'e => ({ ...e, get body() { for(;;); } })', 'timeout'),
  one('15 returns a looping toJSON', '() => ({ toJSON() { for(;;); } })', 'timeout'),
  one('15 returns a looping Proxy', `e => { e.body = ${LOOPING}; return e; }`, 'timeout'),
  one('16 returns a circle', 'e => { e.body = e; return e; }', 'result_error'),
  one('16 returns a BigInt', 'e => { e.body = 1n; return e; }', 'ok'),
  one('16 returns a function', '() => () => 1', 'result_error'),
  one(
    '18 asks a constructor for the host',
    'e => { e.body = { process: typeof e.constructor.constructor("return process")().pid, require: typeof require, fetch: typeof fetch }; return e; }',
    'ok',
  ),
  one(
    '19 evaluates',
    'e => { e.body = eval("1+1") + new Function("return 2")(); return e; }',
    'ok',
  ),
  one('20 imports a module', 'async e => { await import("fs"); return e; }', 'user_error'),
  one(
    '21 reads call sites',
    'e => { Error.prepareStackTrace = (_, s) => s.map(c => String(c.getThis()) + String(c.getFunction())); e.body = new Error("x").stack; return e; }',
    'ok',
  ),
  one(
    '22 throws an error with looping getters',
    'e=>{const x=new Error("a");for(const k of ["message","stack"])Object.defineProperty(x,k,{get(){for(;;);}});throw x}',
    'timeout',
  ),
  one('22 throws a looping Proxy', `() => { throw ${LOOPING}; }`, 'timeout'),
  { name: '23 throws a looping Proxy at top level', code: `throw ${LOOPING}`, ends: ['timeout'] },
  one(
    '24 rejects with a looping Proxy, unhandled',
    `e=>{Promise.reject(${LOOPING});return {a:1}}`,
    'killed',
  ),
  one(
    '25 rejects, unhandled',
    'e => { Promise.reject(new Error("lost")); return e; }',
    'user_error',
  ),
  one('26 backtracks', '() => /^(a+)+$/.test("a".repeat(40) + "b")', 'timeout'),
  one(
    '28 waits on an atomic',
    '() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
    'user_error',
  ),
  one(
    '28 compiles WebAssembly',
    '() => new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0]))',
    'user_error',
  ),
  one(
    '29 logs a million times',
    'e => { for(let i=0;i<1e6;i++) console.log("x".repeat(1024)); return e; }',
    'ok',
    'timeout',
  ),
  one(
    '30 logs a looping getter',
    'e => { console.log({ get a() { for(;;); } }); return e; }',
    'timeout',
  ),
  one(
    '31 parses five million brackets',
    '() => JSON.parse("[".repeat(5e6))',
    'user_error',
    'killed',
    'memory',
  ),
  one(
    '32 returns a million levels',
    'e => { let a=[]; for(let i=0;i<1e6;i++) a=[a]; e.body=a; return e; }',
    'timeout',
    'result_error',
    'memory',
  ),
  one('33 loops in a comparator', '() => [3,2,1].sort(() => { for(;;); })', 'timeout'),
  one('33 swallows termination', '() => { try { for(;;); } finally { for(;;); } }', 'timeout'),
  one(
    '33 traps a generator return',
    '() => { function* g(){ try { yield 1 } finally { for(;;); } } for (const x of g()) break; }',
    'timeout',
  ),
  one('34 squares a BigInt', 'e=>{let a=2n**1000000n;for(;;)a=a*a}', 'killed'),
  one(
    '35 spreads an infinite iterator',
    '() => [...{ *[Symbol.iterator]() { for(;;) yield 1; } }]',
    'memory',
    'timeout',
  ),
  { name: '36 is five megabytes long', code: `/*${'x'.repeat(5e6)}*/`, ends: ['rejected_source'] },
  { name: '37 closes a wrapper', code: 'e=>1)}),(()=>{', ends: ['rejected_source'] },
  { name: '37 ends in a comment', code: `${handler('e => e')} //`, ends: ['ok'] },
  { name: '37 ends in an HTML comment', code: `${handler('e => e')} <!--`, ends: ['ok'] },
  { name: '37 leaves a comment open', code: `${handler('e => e')} /*`, ends: ['rejected_source'] },
  one(
    '39 replaces the prototype of the global',
    `e => { try { Object.setPrototypeOf(globalThis, ${LOOPING}); } catch {} return e; }`,
    'ok',
  ),
  one(
    '39 sets setters on Array.prototype',
    'e => { for (let i=0;i<50;i++) Object.defineProperty(Array.prototype, i, { set() { for(;;); }, configurable: true }); console.log("a"); return e; }',
    'ok',
  ),
  one(
    '40 normalises for ever',
    '() => { for(;;) "ä".repeat(1e4).normalize("NFD").localeCompare("b"); }',
    'timeout',
  ),
  one(
    '40 formats for ever',
    '() => { for(;;) new Intl.NumberFormat("de").format(1.5); }',
    'timeout',
  ),
];

/** Short where the time limit is what must strike, long where a busy machine could reach it too early. */
export function timeLimitMs({ ends }: Hostile): number {
  return ends.includes('timeout') || ends.every((end) => end === 'killed') ? 250 : 30_000;
}
