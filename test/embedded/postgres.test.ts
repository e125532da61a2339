import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { startPostgres } from '../../src/embedded/postgres.ts';
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { processStamp } from '../../src/embedded/process-stamp.ts';
import { lastingPort } from '../support/ports.ts';
import { silentLog, startInOtherProcess, takenPort, temporaryFolder } from './support.ts';

async function start(dataDir: string, port = 0): Promise<EmbeddedPostgres> {
  const server = await startPostgres({ dataDir, log: silentLog, port });
  onTestFinished(() => server.stop());
  return server;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query({ text, rowMode: 'array' });
    return rows.flat();
  } finally {
    await client.end();
  }
}

test('a first start makes a database that a second start finds with its data', async () => {
  const dataDir = await temporaryFolder();
  const first = await start(dataDir);
  await query(first.url, 'create table kept as select 42 as answer');
  await first.stop();
  expect(processStamp(first.pid)).toBeUndefined();

  const second = await start(dataDir);
  expect(await query(second.url, 'select answer from kept')).toEqual([42]);
});

test('it listens on this machine alone, asks for its password, and writes every commit to disk', async () => {
  const dataDir = await temporaryFolder();
  const { url, port } = await start(dataDir);
  expect(await query(url, 'show listen_addresses')).toEqual(['127.0.0.1']);
  expect(await query(url, 'show fsync')).toEqual(['on']);
  expect(await query(url, 'show synchronous_commit')).toEqual(['on']);
  expect(await query(url, 'show data_checksums')).toEqual(['on']);
  expect(await query(url, 'show server_encoding')).toEqual(['UTF8']);
  await expect(query(`postgres://sluice:wrong@127.0.0.1:${port}/sluice`, '')).rejects.toThrow(
    'password authentication failed',
  );
  const { mode } = await stat(join(dataDir, 'secrets', 'postgres-password'));
  expect(mode & 0o777).toBe(0o600);
});

test('when the gateway is killed, the next start stops the server left behind and keeps what was committed', async () => {
  const dataDir = await temporaryFolder();
  const { server, kill } = await startInOtherProcess('postgres', { dataDir });
  await query(server.url ?? '', 'create table kept as select 42 as answer');
  await kill();
  expect(processStamp(server.pid)).toBeDefined();

  const next = await start(dataDir);
  expect(processStamp(server.pid)).toBeUndefined();
  expect(await query(next.url, 'select answer from kept')).toEqual([42]);
});

test('when the server is killed too, the next start recovers what was committed', async () => {
  const dataDir = await temporaryFolder();
  const { server, kill } = await startInOtherProcess('postgres', { dataDir });
  await query(server.url ?? '', 'create table kept as select 42 as answer');
  await kill();
  process.kill(server.pid, 'SIGKILL');

  const next = await start(dataDir);
  expect(await query(next.url, 'select answer from kept')).toEqual([42]);
});

test('stale files whose pid is now another process do not keep it from starting', async () => {
  const dataDir = await temporaryFolder();
  const port = await lastingPort();
  await (await start(dataDir, port)).stop();
  const folder = join(dataDir, 'postgres');
  const content = `${process.pid}\n${dataDir}\n1\n${port}\n\n127.0.0.1\n1 1\nready   \n`;
  await writeFile(join(folder, 'cluster', 'postmaster.pid'), content);
  await writeFile(join(folder, `.s.PGSQL.${port}.lock`), content);

  const next = await start(dataDir, port);
  expect(await query(next.url, 'select 1')).toEqual([1]);
  expect(next).toMatchObject({ port, url: expect.stringContaining('host=') });
});

test('where the path is too long for a socket it is reached by its port', async () => {
  const dataDir = join(await temporaryFolder(), 'd'.repeat(100));
  const { url } = await start(dataDir);
  expect(url).not.toContain('host=');
  expect(await query(url, 'select 1')).toEqual([1]);
});

test('a second start on the data of a running gateway is refused, and the first one goes on', async () => {
  const dataDir = await temporaryFolder();
  const { url } = await start(dataDir);
  await expect(startPostgres({ dataDir, log: silentLog, port: 0 })).rejects.toThrow(
    `already runs for process ${process.pid}`,
  );
  expect(await query(url, 'select 1')).toEqual([1]);
});

test('where its port is taken it takes another, so that two run side by side', async () => {
  const taken = await takenPort();
  const servers = await Promise.all([
    start(await temporaryFolder(), taken),
    start(await temporaryFolder(), taken),
  ]);
  expect(new Set([taken, ...servers.map(({ port }) => port)]).size).toBe(3);
  for (const { url } of servers) expect(await query(url, 'select 1')).toEqual([1]);
});

test('two that start at the same moment get a port each', async () => {
  const port = await lastingPort();
  const [one, two] = await Promise.all([
    start(await temporaryFolder(), port),
    start(await temporaryFolder(), port),
  ]);
  expect(one.port).not.toBe(two.port);
  for (const { url } of [one, two]) expect(await query(url, 'select 1')).toEqual([1]);
});

test('data of another major version is refused with what to do', async () => {
  const dataDir = await temporaryFolder();
  await (await start(dataDir)).stop();
  const file = join(dataDir, 'postgres', 'cluster', 'PG_VERSION');
  expect((await readFile(file, 'utf8')).trim()).toBe('18');
  await writeFile(file, '15\n');
  await expect(start(dataDir)).rejects.toThrow(
    /written by PostgreSQL 15, .+ version 18\. .+DATA_DIR/,
  );
});
