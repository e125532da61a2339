import { mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { poll } from './poll.ts';
import { isRunning, ownIdentity } from './process-stamp.ts';
import type { ProcessIdentity } from './process-stamp.ts';

const LONGEST_TURN_MS = 3_000;
const LOOK_AGAIN_MS = 10;
const lockSchema = z.object({ pid: z.int(), stamp: z.string() });

/** Takes the lock file for this process; returns the running process that has it, if there is one. */
export async function takeLock(file: string): Promise<ProcessIdentity | undefined> {
  const own = JSON.stringify(ownIdentity());
  for (;;) {
    if (await createAlone(file, own)) return undefined;
    const holder = await readLock(file);
    if (holder && isRunning(holder)) return holder;
    await removeStale(file);
  }
}

/** Gives the lock back, if it is still ours. */
export async function releaseLock(file: string): Promise<void> {
  const holder = await readLock(file);
  const own = ownIdentity();
  if (holder?.pid === own.pid && holder.stamp === own.stamp) await rm(file, { force: true });
}

async function createAlone(file: string, content: string): Promise<boolean> {
  try {
    await writeFile(file, content, { flag: 'wx', mode: 0o644 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a lock whose process has ended. Several starts may find the same one: each looks again when it is alone, so
 * that a slow one does not remove what a fast one has just taken. Nobody can take a lock that is still there.
 */
async function removeStale(file: string): Promise<void> {
  const turn = `${file}.turn`;
  if (!(await takeTurn(turn))) return;
  try {
    const holder = await readLock(file);
    if (!holder || !isRunning(holder)) await rm(file, { force: true });
  } finally {
    await rmdir(turn).catch(() => undefined);
  }
}

/** Makes a folder, which only one can; one that a crash left behind goes after a while. False: try again from the start. */
async function takeTurn(turn: string): Promise<boolean> {
  try {
    await mkdir(turn);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const madeAtMs = await stat(turn).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
  if (Date.now() - madeAtMs > LONGEST_TURN_MS) await rmdir(turn).catch(() => undefined);
  await sleep(LOOK_AGAIN_MS);
  return false;
}

/** A lock is empty for the moment between its making and its writing; one that stays unreadable is nobody's. */
async function readLock(file: string): Promise<ProcessIdentity | undefined> {
  return poll(
    async () => {
      const text = await readFile(file, 'utf8').catch(() => 'gone');
      if (text === 'gone') return undefined;
      try {
        return lockSchema.parse(JSON.parse(text));
      } catch {
        return undefined;
      }
    },
    { timeoutMs: 300 },
  );
}
