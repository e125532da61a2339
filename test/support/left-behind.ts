import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

let guardInput: Writable | undefined;

/**
 * Has a file or folder removed, and what still runs in it ended, when this process ends in whatever way: a file that
 * fails before its tests begin, has none to run, or is killed ends without `afterAll`.
 */
export function removeAtEnd(path: string): void {
  guardInput ??= startGuard();
  guardInput.write(`${path}\n`);
}

function startGuard(): Writable {
  const script = fileURLToPath(new URL('./guard.ts', import.meta.url));
  const child = spawn(process.execPath, [script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  return child.stdin;
}
