import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StartupError } from './errors.ts';
import { releaseLock, takeLock } from './lock.ts';
import { keepSecret } from './secrets.ts';

/** A data directory that is ours until `release`. */
export type DataDir = {
  /** Absolute. */
  path: string;
  /** A small secret kept in it: read, or made on first use. */
  secret: (name: string, make: () => string) => Promise<string>;
  /** Lets the next gateway in; the last thing to do, when no server of ours runs in it any more. */
  release: () => Promise<void>;
};

/**
 * Makes the data directory where it is missing, checks that it can be written, and keeps every other gateway out of it.
 * Throws StartupError when it cannot be used, or when a running gateway has it.
 */
export async function openDataDir(dataDir: string): Promise<DataDir> {
  const path = resolve(dataDir);
  await checkWritable(path);
  const lockFile = join(path, 'lock');
  const holder = await takeLock(lockFile);
  if (holder) {
    throw new StartupError(
      `Process ${holder.pid} already runs on the data directory ${path}. Stop it first, or set DATA_DIR (and PORT) to start a second gateway beside it.`,
    );
  }
  return {
    path,
    secret: (name, make) => keepSecret(path, { name, make }),
    release: () => releaseLock(lockFile),
  };
}

async function checkWritable(path: string): Promise<void> {
  const probe = join(path, `.probe-${process.pid}`);
  try {
    await makeFolders(path);
    // Modes say little (root passes them, a read-only file system has them); a file that was written says it all.
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartupError(
      `The data directory ${path} cannot be written: ${reasons[code ?? ''] ?? message}. Let this user write there, or set DATA_DIR to another directory.`,
      { cause: error },
    );
  }
}

/**
 * Makes a folder and those it lies in. Not by `recursive`: that never ends where a file system says of a folder that it
 * is not there, and does not make it either (/proc).
 */
async function makeFolders(path: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    await makeFolders(parent);
    await makeFolder(path);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (!isThere || !(await stat(path)).isDirectory()) throw error;
  }
}

const reasons: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'its file system is read-only',
  ENOENT: 'no folder can be made there',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'there is a file of that name',
  ENOSPC: 'the disk is full',
};
