import { afterEach, describe, expect, it } from 'vitest';
import type { SandboxPool, SandboxPoolOptions } from '../../src/sandbox/pool.ts';
import { startedPool } from './processes.ts';
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

/** Jobs that are refused where a test has failed and closed their pool: nobody waits for that. */
function unminded<Outcome>(jobs: Promise<Outcome>[]): Promise<Outcome>[] {
  for (const job of jobs) job.catch(() => {});
  return jobs;
}

const CALM = handler('e => e');
const LOOP = handler('() => { for(;;); }');

describe('tenants', () => {
  it('the loops of one delay another by no more than one time limit', async () => {
    const pool = await start({ children: 2 });
    const loops = unminded(
      Array.from({ length: 5 }, (_, at) =>
        pool.run(jobOf(LOOP, { tenant: 'loops', transformationId: `trs_${at}`, timeoutMs: 1_000 })),
      ),
    );
    const calm = await pool.run(jobOf(CALM, { tenant: 'calm' }));
    expect(calm).toMatchObject({ kind: 'ok' });
    expect(calm.queueMs).toBeLessThan(2_000);
    expect(new Set((await Promise.all(loops)).map(({ kind }) => kind))).toEqual(
      new Set(['timeout']),
    );
  });

  it('a transformation that has shown to be quick never waits for slow ones, of its own tenant either', async () => {
    const pool = await start({ children: 2 });
    await pool.run(jobOf(CALM));
    const loops = unminded(
      Array.from({ length: 2 }, () =>
        pool.run(jobOf(LOOP, { transformationId: 'trs_slow', timeoutMs: 4_000 })),
      ),
    );
    for (let event = 0; event < 20; event++) {
      const { queueMs } = await pool.run(jobOf(CALM));
      expect(queueMs).toBeLessThan(3_000);
    }
    await Promise.all(loops);
  });
});
