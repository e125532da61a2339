import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Programs } from './guest-libraries.ts';

let linked: Promise<Programs> | undefined;

async function link(): Promise<Programs> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings', fileURLToPath(new URL('./link/main.ts', import.meta.url))],
    { env: {}, maxBuffer: 16 * 1024 * 1024, timeout: 30_000 },
  );
  return JSON.parse(stdout) as Programs;
}

/** The programs of child and guest, linked from their sources once in the life of this process. */
export async function loadPrograms(): Promise<Programs> {
  linked ??= link();
  try {
    return await linked;
  } catch (error) {
    linked = undefined;
    throw error;
  }
}

/** The folder of isolated-vm; the pool only names it, no code of it ever runs in this process. */
export function isolatedVmFolder(): string {
  return `${dirname(createRequire(import.meta.url).resolve('isolated-vm'))}/`;
}
