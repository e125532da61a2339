// The children of a pool as the system sees them.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SandboxPool, SandboxPoolOptions } from '../../src/sandbox/pool.ts';
import { until } from '../support/until.ts';
import { handler, jobOf, testPool } from './sandbox.ts';

function childPids(parent: number): number[] {
  const text = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

function isSandbox(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--jitless');
  } catch {
    return false;
  }
}

export async function childrenOf(parent = process.pid, count = 1): Promise<number[]> {
  return until('sandbox children', () => {
    const pids = childPids(parent).filter(isSandbox);
    return pids.length >= count ? pids : undefined;
  });
}

/** A pool of which a child has answered and the spare one is there. */
export async function startedPool(options: Partial<SandboxPoolOptions>): Promise<SandboxPool> {
  const pool = testPool(options);
  await pool.run(jobOf(handler('e => e'), { transformationId: 'trs_warm', timeoutMs: 5_000 }));
  await childrenOf(process.pid, (options.children ?? 1) + 1);
  return pool;
}

/** Children of a process that was killed while one of them was running `code`. */
export async function descendantsWith(code: string): Promise<number[]> {
  const main = fileURLToPath(new URL('./doomed-pool.ts', import.meta.url));
  const doomed = spawn(process.execPath, ['--no-warnings', main, code], { stdio: 'pipe' });
  await new Promise((resolve) => doomed.stdout.once('data', resolve));
  const pids = await childrenOf(doomed.pid, 2);
  doomed.kill('SIGKILL');
  return pids;
}
