import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const HARNESS = fileURLToPath(new URL('./naive-harness.ts', import.meta.url));
const LOOPING = 'new Proxy({}, {get(){for(;;);},getPrototypeOf(){for(;;);},ownKeys(){for(;;);}})';
const HANGS_AFTER_MS = 2_500;
// What ends by itself may take its time on a busy machine.
const ENDS_WITHIN_MS = 60_000;

/** What the naive harness says, or `hangs` when it has not come to an end long after its time limit. */
async function runNaively(program: string, patienceMs = HANGS_AFTER_MS): Promise<string> {
  const child = spawn(process.execPath, ['--no-node-snapshot', '--no-warnings', HARNESS, program]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  const signal = await new Promise((resolve) => child.once('exit', (_, by) => resolve(by)));
  clearTimeout(timer);
  return signal === 'SIGKILL' ? 'hangs' : said;
}

describe('the tests of hostile programs can fail: a naive harness hangs where ours does not', () => {
  it.each([
    [
      '22 a thrown error with looping getters',
      `e=>{const x=new Error("a");for(const k of ["message","stack"])Object.defineProperty(x,k,{get(){for(;;);}});throw x}`,
    ],
    ['23 a looping Proxy thrown at top level', `(()=>{throw ${LOOPING}})()`],
    ['24 an unhandled rejection with a looping Proxy', `e=>{Promise.reject(${LOOPING});return 1}`],
  ])('%s', async (_, program) => {
    expect(await runNaively(program)).toBe('hangs');
  });

  it('and yet it stops a plain loop and runs calm code', async () => {
    expect(await runNaively('() => { for(;;); }', ENDS_WITHIN_MS)).toContain('timed out');
    expect(await runNaively('() => 1', ENDS_WITHIN_MS)).toBe('ok');
  });
});
