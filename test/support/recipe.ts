import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { removeAtEnd } from './left-behind.ts';
import { isAsPromised, stepsOf, type Step } from './recipe-page.ts';
import { until } from './until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RECIPES = join(ROOT, 'docs', 'recipes');

type Done = { output: string; errors: string; succeeded: boolean };

/** The text of a page under docs/recipes/. */
export function recipePage(name: string): string {
  return readFileSync(join(RECIPES, name), 'utf8');
}

/**
 * Runs the commands of a page as its reader would, and fails where one prints something else than the page promises;
 * test/support/recipe-page.ts says how a page is read. `env` has what the reader would set: URL, KEY, and what stands
 * for hosts that are not at hand. `programs` is a folder of commands that the reader has installed.
 * Returns what each step printed. What the page left running ends with the test.
 */
export async function runRecipe(
  name: string,
  { env, programs }: { env: Record<string, string>; programs?: string },
): Promise<string[]> {
  const outputs: string[] = [];
  const shell = await openShell(env, programs);
  for (const step of stepsOf(recipePage(name))) outputs.push(await perform(name, { step, shell }));
  return outputs;
}

async function perform(
  page: string,
  { step, shell }: { step: Step; shell: Awaited<ReturnType<typeof openShell>> },
): Promise<string> {
  let last: Done | undefined;
  const once = async () => {
    last = await shell.run(step.code);
    return last.succeeded && isAsPromised(last.output, step.promise) && last;
  };
  try {
    const done = step.repeats ? await until('the promise', once, { everyMs: 200 }) : await once();
    if (done !== false) return done.output;
  } catch (error) {
    if (last === undefined) throw error;
  }
  const printed = `${last?.output ?? ''}${last?.errors ?? ''}`;
  const wanted = step.promise?.text ?? 'that every command succeeds';
  throw new Error(`${page} runs\n${step.code}\nIt printed\n${printed}\nand promises\n${wanted}`);
}

/** One bash for a whole page, in a process group of its own. */
async function openShell(env: Record<string, string>, programs?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-recipe-'));
  removeAtEnd(folder);
  const { PATH = '', HOME = '' } = process.env;
  const path = [...(programs === undefined ? [] : [programs]), dirname(process.execPath), PATH];
  const shell = spawn('bash', ['--noprofile', '--norc'], {
    cwd: ROOT,
    env: { HOME, TMPDIR: folder, PATH: path.join(delimiter), ...env },
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  onTestFinished(async () => {
    process.kill(-shell.pid!, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  // A page that fails in the middle of a block has failed, whatever its last command does.
  shell.stdin.write(`set -o pipefail\ntrap 'failed=1' ERR\n`);
  let count = 0;
  return {
    async run(code: string): Promise<Done> {
      const file = join(folder, `step-${count++}`);
      await writeFile(file, code);
      const to = `>'${file}.out' 2>'${file}.err' </dev/null`;
      shell.stdin.write(`failed=0; . '${file}' ${to}; echo $failed >'${file}.failed.new'\n`);
      shell.stdin.write(`mv '${file}.failed.new' '${file}.failed'\n`);
      await until(`the end of\n${code}`, () => existsSync(`${file}.failed`));
      const read = (ending: string) => readFileSync(`${file}.${ending}`, 'utf8');
      return { output: read('out'), errors: read('err'), succeeded: read('failed') === '0\n' };
    },
  };
}
