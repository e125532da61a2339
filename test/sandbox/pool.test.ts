import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { SandboxPool, SandboxPoolOptions } from '../../src/sandbox/pool.ts';
import { killAll } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { childrenOf, descendantsWith, startedPool } from './processes.ts';
import { handler, jobOf } from './sandbox.ts';

const open: SandboxPool[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((pool) => pool.close()));
});

async function start(options: Partial<SandboxPoolOptions> = {}): Promise<SandboxPool> {
  const pool = await startedPool(options);
  open.push(pool);
  return pool;
}

const CALM = handler('e => e');
// After its time limit the host converts this rejection, and so runs the loop, until it is killed.
const HANG = handler(
  '() => { Promise.reject(new Proxy({}, {get(){for(;;);},getPrototypeOf(){for(;;);}})); return 1; }',
);
const BOMB = handler('() => { let a=2n**1000000n; for(;;) a=a*a; }');

describe('children', () => {
  it('one killed from outside in the middle of a job is replaced and the job run again', async () => {
    const pool = await start();
    const [, known] = [await pool.run(jobOf(CALM)), await childrenOf()];
    const code = handler(
      'e => { const end = Date.now() + 600; while (Date.now() < end); e.body = "done"; return e; }',
    );
    const running = pool.run(jobOf(code, { timeoutMs: 5_000 }));
    const busy = await until('a busy child', () => known.find((pid) => stateOf(pid) === 'R'));
    process.kill(busy, 'SIGKILL');
    expect(await running).toMatchObject({ kind: 'ok', requests: [{ body: 'done' }] });
  });

  it('however many are killed while idle, that costs no job', async () => {
    const pool = await start({ children: 3 });
    const pids = await childrenOf();
    // Of those that stand still one gets the job, and another the second try, unless all are replaced.
    killAll(pids, 'SIGSTOP');
    const running = pool.run(jobOf(CALM, { timeoutMs: 5_000 }));
    for (const pid of pids) {
      killAll([pid]);
      await until('it has ended', () => stateOf(pid) === undefined);
    }
    expect(await running).toMatchObject({ kind: 'ok' });
  });

  it('have an empty environment, no argument but ours, no network, and start in the root folder', async () => {
    const pool = await start();
    const [pid] = await childrenOf();
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain('--jitless');
    // What each layer must have done; a system without it has it missing from the list as well.
    const signs = {
      'no new privileges': /NoNewPrivs:\s1/.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
      'memory and file limits': /Max data size\s+268435456/.test(
        readFileSync(`/proc/${pid}/limits`, 'utf8'),
      ),
      'user 65534': /Uid:\s65534\s65534\s65534/.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
      'no network': !/eth|ens|enp|wlan/.test(readFileSync(`/proc/${pid}/net/dev`, 'utf8')),
    };
    const missing = Object.entries(signs).filter(
      ([layer, seen]) => pool.layers.includes(layer) && !seen,
    );
    expect(missing).toEqual([]);
  });

  it('are gone after close, also while one is in a loop nothing can interrupt', async () => {
    const pool = await start();
    const pids = await childrenOf();
    const running = pool.run(jobOf(BOMB, { timeoutMs: 5_000 }));
    const refused = running.catch((error: unknown) => String(error));
    await until('a busy child', () => pids.some((pid) => stateOf(pid) === 'R'));
    await pool.close();
    expect(await refused).toContain('closed');
    expect(pids.filter((pid) => stateOf(pid) !== undefined)).toEqual([]);
    await expect(pool.run(jobOf(CALM))).rejects.toThrow('closed');
  });

  it('are gone when the process of the pool is killed', async () => {
    const pids = await descendantsWith(HANG);
    expect(pids.length).toBeGreaterThan(1);
    await until('no child left', () => pids.every((pid) => stateOf(pid) === undefined));
  });

  it('are replaced after a number of jobs', async () => {
    const pool = await start({ limits: { recycleJobs: 3 } });
    const before = await childrenOf();
    for (let event = 0; event < 12; event++) {
      expect(await pool.run(jobOf(CALM))).toMatchObject({ kind: 'ok' });
    }
    await until('new children', async () =>
      (await childrenOf()).every((pid) => !before.includes(pid)),
    );
  });
});

describe('a version that keeps killing children', () => {
  it('is not run any more after five kills, while other versions are', async () => {
    const pool = await start({ limits: { killGraceMs: 50 } });
    const bomb = jobOf(BOMB, { timeoutMs: 20 });
    for (let kill = 0; kill < 5; kill++) {
      expect(await pool.run(bomb)).toMatchObject({
        kind: 'killed',
        message: expect.stringContaining('interrupted'),
      });
    }
    const refused = await pool.run(bomb);
    expect(refused).toMatchObject({
      kind: 'killed',
      message: expect.stringContaining('killed 5 times'),
      durationMs: 0,
    });
    expect(await pool.run({ ...bomb, version: '2', code: CALM, timeoutMs: 250 })).toMatchObject({
      kind: 'ok',
    });
  });
});

describe('the fast level', () => {
  it('gives each event a context of its own in a kept isolate', async () => {
    const pool = await start();
    const code = `globalThis.count = (globalThis.count ?? 0) + 1; addHandler('transform', (r) => { Array.prototype.mine = 1; r.body = count; return r; });`;
    for (let event = 0; event < 250; event++) {
      const outcome = await pool.run(jobOf(code, { isolation: 'fast' }));
      expect(outcome).toMatchObject({ kind: 'ok', requests: [{ body: '1' }] });
    }
  });

  it('never runs one tenant in the isolate of another, nor old code for new', async () => {
    const pool = await start();
    for (const tenant of ['a', 'b', 'a', 'b']) {
      for (const text of ['one', 'two']) {
        const code = handler(`e => { e.body = "${tenant} ${text}"; return e; }`);
        const outcome = await pool.run(jobOf(code, { tenant, isolation: 'fast' }));
        expect(outcome).toMatchObject({ requests: [{ body: `${tenant} ${text}` }] });
      }
    }
  });
});

function stateOf(pid: number): string | undefined {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
