import { spawn } from 'node:child_process';

type RunOptions = {
  cwd?: string;
  /** Without it the command gets our own environment. */
  env?: Record<string, string>;
  spawnAs?: { uid?: number; gid?: number };
  timeoutMs: number;
};

export type RunResult = { ok: boolean; output: string };

/** Runs a command to its end; a command that is missing, fails or takes too long is a result, not an exception. */
export async function run(
  [command = '', ...args]: string[],
  { spawnAs, timeoutMs, ...options }: RunOptions,
): Promise<RunResult> {
  const { promise, resolve } = Promise.withResolvers<RunResult>();
  const child = spawn(command, args, {
    ...options,
    ...spawnAs,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.once('error', (error) => resolve({ ok: false, output: error.message }));
  child.once('close', (code) => resolve({ ok: code === 0, output: output.trim() }));
  return promise;
}

/** What a command that failed had to say, as a part of a sentence: its error where it marks one, else its last words. */
export function lastLines(output: string): string {
  const lines = output.trim().split('\n');
  // Only the first line of a Go panic tells something.
  const marked = lines.find((line) => /^(panic|error|fatal)\b/i.test(line));
  const words = marked ?? lines.slice(-3).join(' ');
  return words.replace(/[.\s]+$/, '') || 'it ended without a word';
}
