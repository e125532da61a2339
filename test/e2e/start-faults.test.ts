import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';
import { afterAll, expect, test } from 'vitest';
import { startTemporal } from '../../src/embedded/temporal-server.ts';
import { createLog } from '../../src/log.ts';
import { launch, launchCommand, type GatewayProcess } from '../support/gateway-process.ts';
import { temporaryData } from '../support/gateway.ts';
import { lastingPort } from '../support/ports.ts';
import { processesOf } from '../support/processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NOBODY = '127.0.0.1:1';

/** One sentence on what is wrong and what to do, an exit code, nothing left. */
async function refusal(start: GatewayProcess, dataDir: string): Promise<string> {
  expect(await start.ended).toBe(1);
  expect(processesOf(dataDir)).toEqual([]);
  const said = start.output().trim();
  expect(said).not.toContain('\n');
  expect(said).not.toMatch(/\bat .+:\d+:\d+|Error:/);
  return said;
}

test('a taken port is one sentence, and everything that was started is stopped', async () => {
  const holder = createServer();
  const port = await lastingPort();
  await new Promise<void>((listening) => holder.listen(port, '127.0.0.1', listening));
  afterAll(() => holder.close());
  const dataDir = await temporaryData();
  const start = launch('all', { DATA_DIR: dataDir, PORT: String(port), LOG_LEVEL: 'warn' });
  expect(await refusal(start, dataDir)).toBe(
    `Port ${port} is taken. Stop what uses it, or set PORT to another one.`,
  );
});

test('a data directory that cannot be written is one sentence', async () => {
  const folder = await temporaryData();
  await writeFile(join(folder, 'file'), '');
  const dataDir = join(folder, 'file', 'data');
  const said = await refusal(launch('all', { DATA_DIR: dataDir, PORT: '0' }), dataDir);
  expect(said).toContain(`The data directory ${dataDir} cannot be written`);
  expect(said).toContain('set DATA_DIR to another directory');
});

test('a PostgreSQL that does not answer is one sentence, without its password', async () => {
  const dataDir = await temporaryData();
  const start = launch('all', {
    DATA_DIR: dataDir,
    PORT: '0',
    DATABASE_URL: `postgres://me:hunter2@${NOBODY}/db`,
    TEMPORAL_ADDRESS: NOBODY,
  });
  const said = await refusal(start, dataDir);
  expect(said).toMatch(/^PostgreSQL cannot be used: .+ Check DATABASE_URL/);
  expect(said).not.toContain('hunter2');
});

test('a DATABASE_URL that is none is one sentence', async () => {
  const dataDir = await temporaryData();
  const start = launch('all', { DATA_DIR: dataDir, DATABASE_URL: 'mysql://me:hunter2@db/x' });
  const said = await refusal(start, dataDir);
  expect(said).toMatch(/^DATABASE_URL must be a URL like postgres:/);
  expect(said).not.toContain('hunter2');
});

test('a Temporal that does not answer is one sentence, and the PostgreSQL started with it is stopped', async () => {
  const dataDir = await temporaryData();
  const start = launch('all', {
    DATA_DIR: dataDir,
    PORT: '0',
    TEMPORAL_ADDRESS: NOBODY,
    LOG_LEVEL: 'warn',
  });
  expect(await refusal(start, dataDir)).toContain(`Temporal does not answer at ${NOBODY}`);
});

test.each(['all', 'worker'])(
  'a namespace that Temporal does not have is one sentence of `%s`, and what was started is stopped',
  async (command) => {
    const folder = await temporaryData();
    const temporal = await startTemporal({
      dataDir: folder,
      namespace: 'default',
      uiPort: await lastingPort(),
      log: createLog({ level: 'silent', name: 'test' }),
    });
    try {
      const dataDir = await temporaryData();
      const start = launch(command, {
        DATA_DIR: dataDir,
        PORT: '0',
        TEMPORAL_ADDRESS: temporal.address,
        TEMPORAL_NAMESPACE: 'elsewhere',
        // A worker also warns of its own database.
        LOG_LEVEL: 'error',
      });
      expect(await refusal(start, dataDir)).toBe(
        `Temporal at ${temporal.address} has no namespace elsewhere. Make it ("temporal operator namespace create"), or set TEMPORAL_NAMESPACE to one it has.`,
      );
    } finally {
      await temporal.stop();
    }
  },
);

test('no Temporal CLI and no python3 is one sentence, and the PostgreSQL started with it is stopped', async () => {
  const folder = await temporaryData();
  const project = await projectWithoutCache(folder);
  const dataDir = join(folder, 'data');
  const start = launchCommand(
    [process.execPath, join(project, 'src/main.ts'), 'all'],
    {
      DATA_DIR: dataDir,
      PORT: '0',
      LOG_LEVEL: 'warn',
      PATH: await pathWithout(folder),
      // The official download is out of reach as well.
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: `http://${NOBODY}`,
    },
    project,
  );
  const said = await refusal(start, folder);
  expect(said).toContain('The Temporal CLI is missing and could not be fetched');
  expect(said).toMatch(/Install it and set TEMPORAL_CLI.+python3.+TEMPORAL_ADDRESS/);
});

test('a command that is not known prints the usage', async () => {
  const start = launch('serve', { DATA_DIR: await temporaryData() });
  expect(await start.ended).toBe(2);
  expect(start.output()).toContain('Usage: npm run sluice <command>');
});

test('the key of a data directory that has none is one sentence', async () => {
  const dataDir = await temporaryData();
  const said = await refusal(launch('key', { DATA_DIR: dataDir }), dataDir);
  expect(said).toContain(`There is no API key in ${dataDir} yet`);
});

test('settings that do not fit each other are refused before anything is started', async () => {
  const dataDir = await temporaryData();
  const said = await refusal(launch('all', { DATA_DIR: dataDir, PROXY_PROTOCOL: 'true' }), dataDir);
  expect(said).toMatch(/^PROXY_PROTOCOL needs TRUSTED_PROXIES/);
  expect(await readdir(dataDir)).toEqual([]);
});

test.each(['api', 'worker', 'migrate'])(
  '`%s` warns that it has a database of its own where DATABASE_URL is not set',
  async (command) => {
    const folder = await temporaryData();
    await writeFile(join(folder, 'file'), '');
    const env = { DATA_DIR: join(folder, 'file', 'data'), LOG_LEVEL: 'warn' };
    const warning = /"level":40,.*DATABASE_URL is not set.*embedded PostgreSQL of its own/;
    const alone = launch(command, env);
    expect(await alone.ended).toBe(1);
    expect(alone.output()).toMatch(warning);
    const shared = launch(command, { ...env, DATABASE_URL: `postgres://me@${NOBODY}/db` });
    expect(await shared.ended).toBe(1);
    expect(shared.output()).toMatch(/^The data directory/);
  },
);

/** The project beside its packages, but not beside a CLI that was fetched earlier. */
async function projectWithoutCache(folder: string): Promise<string> {
  const project = join(folder, 'project');
  await mkdir(join(project, 'node_modules'), { recursive: true });
  await cp(join(ROOT, 'src'), join(project, 'src'), { recursive: true });
  await cp(join(ROOT, 'package.json'), join(project, 'package.json'));
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (name === '.cache') continue;
    await symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
  }
  return project;
}

/** A PATH with what PostgreSQL's start needs and no more. */
async function pathWithout(folder: string): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const name of ['sh', 'id', 'setpriv']) {
    const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    if (found) await symlink(found, join(bin, name));
  }
  return bin;
}
