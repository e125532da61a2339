// What the containers do, done without containers: each job, command and health check of the compose
// file as it stands there, on real servers, in the order in which they start.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { findPostgresPrograms } from '../../src/embedded/postgres-programs.ts';
import { TASK_QUEUE } from '../../src/temporal/workflows.ts';
import { SEARCH_ATTRIBUTES } from '../../src/workflows/search-attributes.ts';
import { lastingPort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { composeFile, filledIn, healthCommand, root, type Service } from './compose-file.ts';
import { localized, runJob, runToEnd, startGateway, startStack, type Stack } from './stack.ts';

const hasPsql = spawnSync('psql', ['--version']).status === 0;
const { services } = composeFile();
const sluice = {
  user: 'sluice',
  password: filledIn['SLUICE_DB_PASSWORD'] ?? '',
  database: 'sluice',
};
const temporal = { user: 'temporal', password: filledIn['TEMPORAL_DB_PASSWORD'] ?? '' };

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

function tagOf(name: string): string {
  return services[name]?.image.split(':')[1] ?? '';
}

describe('PostgreSQL', () => {
  test('is the version that the project is developed on, and takes every setting given', async () => {
    const { postgres } = await findPostgresPrograms();
    const { output } = runToEnd(postgres, ['--version'], { env: {} });
    expect(`${output.trim()}-bookworm`).toBe(`postgres (PostgreSQL) ${tagOf('postgres')}`);
    const [, ...settings] = services['postgres']?.command ?? [];
    const cluster = join(stack.folder, 'postgres', 'cluster');
    const taken = settings.map((setting) => {
      const [, name = ''] = /^-c(\w+)=/.exec(setting) ?? [];
      // Asked for a setting first, it starts nothing, and does so for root too.
      const args = ['-C', name, '-D', cluster, ...settings];
      return { setting, ...runToEnd(postgres, args, { env: {} }) };
    });
    expect(taken.length).toBeGreaterThan(3);
    expect(taken.filter(({ status }) => status !== 0)).toEqual([]);
  });

  test.skipIf(!hasPsql)('is well while it answers, and not otherwise', () => {
    const [command = '', ...args] = healthCommand(services['postgres'] as Service);
    const env = { PATH: process.env['PATH'], PGPORT: String(stack.postgresPort) };
    expect(runToEnd(command, args, { env }).status).toBe(0);
    expect(runToEnd(command, args, { env: { ...env, PGPORT: '1' } }).status).not.toBe(0);
  });
});

describe.skipIf(!hasPsql)('the job databases', () => {
  test('makes the roles and databases, and may run again', async () => {
    expect(runJob(stack, 'databases')).toEqual({ status: 0, output: '' });
    expect(runJob(stack, 'databases')).toEqual({ status: 0, output: '' });
    const role =
      'select rolsuper or rolcreaterole or rolcreatedb as mighty from pg_roles where rolname = user';
    expect(await stack.query(sluice, role)).toEqual([{ mighty: false }]);
    // Temporal's schema asks for this extension.
    const visibility = { ...temporal, database: 'temporal_visibility' };
    await stack.query(visibility, 'create extension btree_gin');
  });

  test('keeps the gateway and Temporal out of each other’s data', async () => {
    const refused = /permission denied for database/;
    await expect(stack.query({ ...sluice, database: 'temporal' }, 'select 1')).rejects.toThrow(
      refused,
    );
    await expect(stack.query({ ...temporal, database: 'sluice' }, 'select 1')).rejects.toThrow(
      refused,
    );
  });

  test('sets a password that was changed', async () => {
    const password = 'another-password';
    runJob(stack, 'databases', { SLUICE_DB_PASSWORD: password });
    await expect(stack.query(sluice, 'select 1')).rejects.toThrow('authentication failed');
    expect(await stack.query({ ...sluice, password }, 'select 1 as one')).toEqual([{ one: 1 }]);
    runJob(stack, 'databases');
    expect(await stack.query(sluice, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('fails, and says so, where the server refuses it', () => {
    const { status, output } = runJob(stack, 'databases', { PGPASSWORD: 'wrong' });
    expect(status).not.toBe(0);
    expect(output).toContain('authentication failed');
  });
});

describe('Temporal', () => {
  test('is the version that the project is developed on, with its Web UI', () => {
    const { output } = runToEnd(stack.temporalCli, ['--version'], { env: {} });
    expect(output).toContain(`Server ${tagOf('temporal')}, UI ${tagOf('temporal-ui')}`);
    expect(tagOf('temporal-schema')).toBe(tagOf('temporal'));
    expect(tagOf('temporal-namespace')).toBe(tagOf('temporal'));
  });

  test('knows every key of the dynamic configuration, and our task queue is the one meant', () => {
    const text = readFileSync(join(root, 'docker/temporal/dynamicconfig.yaml'), 'utf8');
    const settings = parse(text) as Record<string, { value: unknown; constraints?: object }[]>;
    const server = readFileSync(stack.temporalCli);
    expect(Object.keys(settings).filter((key) => !server.includes(key))).toEqual([]);
    expect(server.includes('worker.noSuchSetting')).toBe(false);
    const constraints = Object.values(settings).flatMap((values) =>
      values.flatMap((value) => value.constraints ?? []),
    );
    expect(constraints).toEqual([{ taskQueueName: TASK_QUEUE }, { taskQueueName: TASK_QUEUE }]);
  });

  test('gets the namespace and its search attributes, also a second time', () => {
    expect(runJob(stack, 'temporal-namespace')).toMatchObject({ status: 0 });
    expect(runJob(stack, 'temporal-namespace', { NAMESPACE_RETENTION: '9d' })).toMatchObject({
      status: 0,
    });
    const { env } = localized(stack, 'temporal-cli');
    const ask = (...words: string[]) =>
      JSON.parse(
        runToEnd('temporal', ['operator', ...words, '-n', 'sluice', '-o', 'json'], { env }).output,
      ) as unknown;
    const types = {
      Keyword: 'INDEXED_VALUE_TYPE_KEYWORD',
      KeywordList: 'INDEXED_VALUE_TYPE_KEYWORD_LIST',
    };
    const wanted = Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, types[type]]);
    expect(ask('search-attribute', 'list')).toMatchObject({
      customAttributes: Object.fromEntries(wanted),
    });
    expect(ask('namespace', 'describe')).toMatchObject({
      config: { workflowExecutionRetentionTtl: '777600s' },
    });
  });

  test('has a Web UI that says it is well where the health check asks', async () => {
    const url = healthCommand(services['temporal-ui'] as Service).at(-1) ?? '';
    const { pathname } = new URL(url);
    expect((await fetch(new URL(pathname, stack.temporalUiUrl))).status).toBe(200);
  });
});

describe.skipIf(!hasPsql)('the gateway', () => {
  const check = (name: string, port: number) => {
    const { service, env } = localized(stack, name);
    const [command = '', ...args] = healthCommand(service).map((word) =>
      word.replace('8300', String(port)),
    );
    return runToEnd(command, args, { env, cwd: join(stack.folder, 'app') });
  };

  test('migrates its database as the role that owns nothing else', async () => {
    const changes = { DATA_DIR: join(stack.folder, 'migrate') };
    expect(runJob(stack, 'migrate', changes)).toMatchObject({ status: 0 });
    expect(runJob(stack, 'migrate', changes)).toMatchObject({ status: 0 });
    expect(await stack.query(sluice, 'select count(*)::int > 0 as done from migrations')).toEqual([
      { done: true },
    ]);
  });

  test('api and worker run apart, are well while they run, and stop in order', async () => {
    const port = await lastingPort();
    expect(check('api', port).status).not.toBe(0);
    expect(check('worker', port).status).not.toBe(0);
    const api = startGateway(stack, 'api', port);
    const worker = startGateway(stack, 'worker', port);
    const both = () => `${api.output()}\n${worker.output()}`;
    try {
      await until('api is well', () => check('api', port).status === 0, {
        everyMs: 500,
      });
      await until('worker is well', () => check('worker', port).status === 0, {
        everyMs: 1_000,
      });
    } catch (error) {
      throw new Error(both(), { cause: error });
    } finally {
      expect([await api.stop(), await worker.stop()]).toEqual([0, 0]);
    }
    expect(check('api', port).status).not.toBe(0);
  });
});
