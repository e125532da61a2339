import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataDir } from '../../src/embedded/data-dir.ts';
import { StartupError } from '../../src/embedded/errors.ts';
import { startInOtherProcess, temporaryFolder } from './support.ts';

test('a data directory is made where it is missing, and is free again after release', async () => {
  const path = join(await temporaryFolder(), 'deep', 'data');
  const first = await openDataDir(path);
  await first.release();
  const second = await openDataDir(path);
  expect(second.path).toBe(path);
  await second.release();
});

test('a second gateway on the same data is refused and told the process that has it', async () => {
  const dataDir = await temporaryFolder();
  const { server, kill } = await startInOtherProcess('lock', { dataDir });
  await expect(openDataDir(dataDir)).rejects.toThrow(`Process ${server.pid} already runs`);
  await expect(openDataDir(dataDir)).rejects.toBeInstanceOf(StartupError);

  await kill();
  await (await openDataDir(dataDir)).release();
});

test('a lock whose pid now belongs to another process is taken over', async () => {
  const dataDir = await temporaryFolder();
  await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: process.ppid, stamp: 'earlier' }));
  const opened = await openDataDir(dataDir);
  expect(JSON.parse(await readFile(join(dataDir, 'lock'), 'utf8'))).toMatchObject({
    pid: process.pid,
  });
  await opened.release();
});

test('a lock that was cut short while it was written is taken over', async () => {
  const dataDir = await temporaryFolder();
  await writeFile(join(dataDir, 'lock'), '');
  const opened = await openDataDir(dataDir);
  expect(opened.path).toBe(dataDir);
  await opened.release();
});

test('of many that start at once on a stale lock, one gets in', async () => {
  const dataDir = await temporaryFolder();
  await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: process.pid, stamp: 'earlier' }));
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => openDataDir(dataDir)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('what a start left behind that was killed while it took over a stale lock keeps nobody out for long', async () => {
  const dataDir = await temporaryFolder();
  await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: process.pid, stamp: 'earlier' }));
  await mkdir(join(dataDir, 'lock.turn'));
  const opened = await openDataDir(dataDir);
  expect(opened.path).toBe(dataDir);
  await opened.release();
});

test.runIf(process.platform === 'linux')(
  'where the file system makes no folders, that is said at once',
  async () => {
    await expect(openDataDir('/proc/sluice/data')).rejects.toThrow('no folder can be made there');
  },
);

test('folders that are missing on the way are made', async () => {
  const path = join(await temporaryFolder(), 'a', 'b', 'c');
  const opened = await openDataDir(path);
  expect((await stat(path)).isDirectory()).toBe(true);
  await opened.release();
});

test('a path that cannot be a directory is refused with what to do', async () => {
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  await expect(openDataDir(file)).rejects.toThrow(/cannot be written: .+ set DATA_DIR/);
  await expect(openDataDir(join(file, 'data'))).rejects.toThrow('a part of the path is a file');
  await expect(openDataDir(join(file, 'data'))).rejects.toBeInstanceOf(StartupError);
});

test('a directory without write permission is refused', async () => {
  const folder = await temporaryFolder();
  await chmod(folder, 0o755);
  const dataDir = join(folder, 'data');
  await mkdir(dataDir, { mode: 0o555 });
  // Root may write everywhere, nobody may not.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await expect(openDataDir(dataDir)).rejects.toThrow(/permission denied/);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

test('a secret is made once, kept, and readable by its owner alone', async () => {
  const { path, secret, release } = await openDataDir(await temporaryFolder());
  expect(await secret('api-key', () => 'first')).toBe('first');
  expect(await secret('api-key', () => 'second')).toBe('first');
  const { mode } = await stat(join(path, 'secrets', 'api-key'));
  expect(mode & 0o777).toBe(0o600);
  await release();
});
