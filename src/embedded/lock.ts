import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { poll } from './poll.ts';
import { isRunning, ownIdentity } from './process-stamp.ts';
import type { ProcessIdentity } from './process-stamp.ts';

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

/** Two starts may find the same stale lock: the slower one must not remove what the faster one has just taken. */
async function removeStale(file: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  const moved = await rename(file, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  const holder = await readLock(aside);
  if (holder && isRunning(holder)) await createAlone(file, JSON.stringify(holder));
  await rm(aside, { force: true });
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
