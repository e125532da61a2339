import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import type { SandboxPool, SandboxPoolOptions } from '../../src/sandbox/pool.ts';
import { until } from '../support/until.ts';
import { childrenOf, startedPool } from './processes.ts';
import { handler, jobOf, REQUEST } from './sandbox.ts';

const open: SandboxPool[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((pool) => pool.close()));
});

async function start(limits: SandboxPoolOptions['limits'] = {}): Promise<SandboxPool> {
  const pool = await startedPool({ children: 2, limits: { suspectRests: 2, ...limits } });
  open.push(pool);
  return pool;
}

/** Loops for ever on the first event of each two, as its body says. */
const SOMETIMES = handler('e => { while (e.body.id === 7); return e; }');
const EASY = JSON.stringify({
  request: { ...REQUEST, body: { id: 1 } },
  context: { connection: {} },
});
const CALM = handler('e => e');

function priorityOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  } catch {
    return 0;
  }
}

it('a version that ran out of its time runs behind all others, and rests twice as long as it ran', async () => {
  const pool = await start();
  const job = jobOf(SOMETIMES, { tenant: 'loops', transformationId: 'trs_loop', timeoutMs: 300 });
  expect(await pool.run(job)).toMatchObject({ kind: 'timeout' });

  // The second still runs at once; the third waits until all suspects have rested.
  const second = pool.run(job);
  await until('a child of low priority', async () => {
    const pids = await childrenOf(process.pid, 4);
    return pids.find((pid) => priorityOf(pid) === 10);
  });
  const askedAtMs = performance.now();
  const third = pool.run(job);
  expect(await second).toMatchObject({ kind: 'timeout' });
  const endedAtMs = performance.now();
  for (let n = 0; n < 10; n++) {
    const calm = await pool.run(jobOf(CALM));
    expect(calm).toMatchObject({ kind: 'ok' });
  }
  const { kind, queueMs } = await third;
  expect(kind).toBe('timeout');
  // A busy machine may let the second end before the third is asked for.
  const restedMs = askedAtMs + queueMs - endedAtMs;
  expect(restedMs).toBeGreaterThan(2 * 300 - 100);
});

it('a version that ends in time is no suspect any more', async () => {
  const pool = await start({ suspectRests: 3_600_000 });
  const job = jobOf(SOMETIMES, { transformationId: 'trs_sometimes', timeoutMs: 300 });
  expect(await pool.run(job)).toMatchObject({ kind: 'timeout' });
  expect(await pool.run({ ...job, input: EASY })).toMatchObject({ kind: 'ok' });
  // Or else this would wait for the rest of suspects, for days.
  expect(await pool.run({ ...job, input: EASY })).toMatchObject({ kind: 'ok' });
});

it('those that wait while their version runs out of its time again are told so, and not run', async () => {
  const pool = await start({ suspectPatienceMs: 200 });
  const job = jobOf(SOMETIMES, { transformationId: 'trs_many', timeoutMs: 300 });
  expect(await pool.run(job)).toMatchObject({ kind: 'timeout' });
  const outcomes = await Promise.all([1, 2, 3].map(() => pool.run(job)));
  expect(outcomes.map(({ kind }) => kind)).toEqual(['timeout', 'timeout', 'timeout']);
  expect(outcomes[0]!.durationMs).toBeGreaterThanOrEqual(300);
  expect(outcomes.slice(1)).toMatchObject([
    { durationMs: 0, message: expect.stringContaining('was not run') },
    { durationMs: 0, message: expect.stringContaining('was not run') },
  ]);
});

it('those that others keep waiting are told so, and not run', async () => {
  const pool = await start({ suspectRests: 3_600_000, suspectWaitMs: 500 });
  const loop = (n: number) =>
    pool.run(jobOf(SOMETIMES, { transformationId: `trs_loop_${n}`, timeoutMs: 300 }));
  await Promise.all([loop(1), loop(2)]);
  // On a slow machine the child of suspects may start too late for the first that asks.
  await until('one of them to be run again', async () => (await loop(1)).durationMs > 0);
  const waits = loop(2);
  let isOver = false;
  void waits.then(() => (isOver = true));
  await until('the second to be told', async () => {
    expect(await pool.run(jobOf(CALM))).toMatchObject({ kind: 'ok' });
    return isOver;
  });
  expect(await waits).toMatchObject({ message: expect.stringContaining('was not run') });
});
