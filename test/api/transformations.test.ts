import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSandboxPool, type SandboxPool } from '../../src/sandbox/pool.ts';
import { each, type Gateway, type Json, SEALER, startGateway } from './gateway.ts';

const CODE = `addHandler('transform', (request, context) => {
  request.headers['x-secret'] = process.env.SECRET ?? 'none';
  return request;
});`;
const HIDDEN = { SECRET: '********' };
const env = { SECRET: 'very-hidden', OTHER: 'also-hidden' };

let sandbox: SandboxPool;
let gateway: Gateway;
beforeAll(async () => {
  sandbox = createSandboxPool({ children: 1, log: { info() {}, warn() {} } });
  gateway = await startGateway({ sandbox });
});
afterAll(async () => {
  await gateway.close();
  await sandbox.close();
});

async function make(name: string, more: Json = {}): Promise<string> {
  return String(
    (await gateway.done('POST', '/transformations', { name, code: CODE, ...more }))['id'],
  );
}

async function refusal(method: string, path: string, body: unknown): Promise<unknown> {
  const answer = await gateway.ask(method, path, { body });
  expect(answer.status).toBe(422);
  return answer.body['data'];
}

describe('a transformation', () => {
  test('is made, shown, found by name and counted; every process hears of it', async () => {
    const made = await gateway.done('POST', '/transformations', { name: 'plain', code: CODE, env });
    expect(made).toMatchObject({
      id: expect.stringMatching(/^trs_/),
      name: 'plain',
      code: CODE,
      version: 1,
      isolation: 'strict',
      team_id: gateway.projectId,
    });
    expect(gateway.heard.at(-1)).toEqual(['configurationChanged', null]);
    expect(await gateway.done('GET', `/transformations/${String(made['id'])}`)).toEqual(made);
    const found = await gateway.done('GET', '/transformations?name=plain');
    expect(found['models']).toEqual([made]);
    expect(await gateway.done('GET', '/transformations/count?name=plain')).toEqual({ count: 1 });
  });

  test('shows the values of its environment only when they are asked for, and keeps them sealed', async () => {
    const id = await make('secretive', { env });
    const shown = await gateway.done('GET', `/transformations/${id}`);
    expect(shown['env']).toEqual({ SECRET: '********', OTHER: '********' });
    expect((await gateway.done('GET', `/transformations/${id}?include=env`))['env']).toEqual(env);
    for (const table of ['transformations', 'transformation_versions']) {
      const { rows } = await gateway.db.query<{ env: Buffer }>({ text: `select * from ${table}` });
      expect(JSON.stringify(rows)).not.toContain('hidden');
      expect(rows.some((row) => row.env.includes('hidden'))).toBe(false);
    }
    const { rows } = await gateway.db.query<{ env: Buffer }>({
      text: 'select env from transformations where id = $1',
      values: [id],
    });
    const context = `${gateway.projectId}/transformations/${id}`;
    expect(SEALER.open(rows[0]!.env, context)).toEqual(env);
  });

  test('that is read and written back as it was shown keeps its secrets', async () => {
    const id = await make('round-trip', { env });
    const shown = await gateway.done('GET', `/transformations/${id}`);
    const shownEnv = { ...(shown['env'] as Json), ADDED: 'new' };
    await gateway.done('PUT', `/transformations/${id}`, { env: shownEnv });
    const after = await gateway.done('GET', `/transformations/${id}?include=env`);
    expect(after['env']).toEqual({ ...env, ADDED: 'new' });
    expect(await refusal('PUT', `/transformations/${id}`, { env: { NEVER: '********' } })).toEqual([
      'body.env.NEVER must be a value: ******** stands for one that is kept, and none is',
    ]);
    await gateway.done('PUT', `/transformations/${id}`, { env: null });
    expect((await gateway.done('GET', `/transformations/${id}?include=env`))['env']).toEqual({});
  });

  test('has a name of its own: a taken one is a 409, a put of it changes its owner', async () => {
    const id = await make('taken', { env });
    const again = await gateway.ask('POST', '/transformations', {
      body: { name: 'taken', code: CODE },
    });
    expect(again.body).toMatchObject({
      code: 'RESOURCE_ALREADY_EXISTS',
      data: { id, resource_type: 'transformation' },
    });
    const put = await gateway.done('PUT', '/transformations', {
      name: 'taken',
      code: `${CODE}//2`,
    });
    expect(put).toMatchObject({ id, version: 2 });
    expect((await gateway.done('GET', `/transformations/${id}?include=env`))['env']).toEqual(env);
    const other = await make('free');
    const renamed = await gateway.ask('PUT', `/transformations/${other}`, {
      body: { name: 'taken' },
    });
    expect(renamed.status).toBe(409);
  });

  test('put a hundred times at once by one name is made once', async () => {
    const body = { name: 'race', code: CODE };
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => gateway.done('PUT', '/transformations', body)),
    );
    expect(new Set(answers.map((answer) => answer['id'])).size).toBe(1);
    expect(answers.every((answer) => answer['version'] === 1)).toBe(true);
  });

  test('is listed in pages in both directions', async () => {
    for (const name of ['walk-1', 'walk-2', 'walk-3']) await make(name);
    const list = '/transformations?order_by=name&dir=desc&limit=2';
    const first = await gateway.done('GET', list);
    expect(each(first, 'name')).toEqual(['walk-3', 'walk-2']);
    const next = String((first['pagination'] as Json)['next']);
    const second = await gateway.done('GET', `${list}&next=${next}`);
    expect(each(second, 'name')[0]).toBe('walk-1');
    const prev = String((second['pagination'] as Json)['prev']);
    expect(each(await gateway.done('GET', `${list}&prev=${prev}`), 'name')).toEqual([
      'walk-3',
      'walk-2',
    ]);
  });
});

describe('code that cannot be run is refused with its place', () => {
  test.each([
    ['a syntax error', 'addHandler("transform", (request) => {\n  return request;;;\n  }}', 3],
    ['an error at its top level', 'const a = 1;\nnull.x;', 2],
  ])('%s', async (_name, code, line) => {
    const data = await refusal('POST', '/transformations', { name: 'wrong', code });
    expect(data).toEqual([
      expect.stringMatching(
        new RegExp(`^body\\.code cannot be run: .*\\(line ${line}, column \\d+\\)$`),
      ),
    ]);
    expect((await gateway.done('GET', '/transformations?name=wrong'))['count']).toBe(0);
  });

  test('a loop at its top level, no handler at all, nothing', async () => {
    const ask = (code: unknown) => refusal('POST', '/transformations', { name: 'wrong', code });
    expect(await ask('for (;;);')).toEqual([expect.stringContaining('time limit')]);
    expect(await ask('1 + 1')).toEqual([expect.stringContaining('No handler was registered')]);
    expect(await ask('')).toEqual(['body.code must not be empty']);
    expect(await ask(undefined)).toEqual(['body.code is required']);
    expect(await ask(`${CODE}//${'x'.repeat(256 * 1024)}`)).toEqual([
      'body.code must be at most 256 kB',
    ]);
  });

  test('the environment is there when the top level runs', async () => {
    const code = `const n = process.env.SECRET.length;\n${CODE}`;
    const id = await make('reads-env', { code, env });
    await gateway.done('PUT', `/transformations/${id}`, { code: `${code}//` });
    await gateway.done('PUT', '/transformations', { name: 'reads-env', code });
    await gateway.done('PUT', '/transformations', { name: 'reads-env', code, env: HIDDEN });
    expect(await refusal('PUT', `/transformations/${id}`, { code, env: {} })).toEqual([
      expect.stringMatching(/^body\.code cannot be run: TypeError/),
    ]);
    expect(await refusal('PUT', `/transformations/${id}`, { env: null })).toEqual([
      expect.stringMatching(/^body\.env cannot be run: TypeError/),
    ]);
  });

  test('wrong names, environments and parameters are named', async () => {
    const ask = (body: object) =>
      refusal('POST', '/transformations', { name: 'n', code: CODE, ...body });
    expect(await ask({ name: 'with space' })).toEqual([
      'body.name must hold letters, digits, - and _ only',
    ]);
    expect(await ask({ env: { A: 1 } })).toEqual(['body.env.A must be a string']);
    expect(await ask({ env: { A: 'x'.repeat(10_001) } })).toEqual([
      'body.env.A must be at most 10000 characters long',
    ]);
    expect(await ask({ isolation: 'none' })).toEqual([
      'body.isolation must be one of strict, fast',
    ]);
    expect(await ask({ more: 1 })).toEqual(['body.more is not a known field']);
    expect((await gateway.ask('GET', '/transformations?more=1')).status).toBe(422);
    expect((await gateway.ask('GET', '/transformations/trs_1')).status).toBe(404);
  });
});

describe('versions', () => {
  test('each change of code, environment or isolation is kept, with who made it; a name is none', async () => {
    const id = await make('versioned', { env });
    const change = (body: object) => gateway.done('PUT', `/transformations/${id}`, body);
    await change({ code: `${CODE}// two` });
    await change({ env: { SECRET: 'three' } });
    await change({ isolation: 'fast' });
    expect(await change({ name: 'versioned-anew', code: `${CODE}// two` })).toMatchObject({
      version: 4,
    });
    const { models } = await gateway.done('GET', `/transformations/${id}/versions?include=env`);
    const { rows } = await gateway.db.query<{ id: string }>({ text: 'select id from api_keys' });
    expect(models).toMatchObject([
      { version: 4, isolation: 'fast', env: { SECRET: 'three' }, created_by: rows[0]!.id },
      { version: 3, isolation: 'strict', env: { SECRET: 'three' }, code: `${CODE}// two` },
      { version: 2, env, code: `${CODE}// two` },
      { version: 1, env, code: CODE },
    ]);
    const page = await gateway.done('GET', `/transformations/${id}/versions?limit=2&next=3`);
    expect(each(page, 'version')).toEqual([2, 1]);
    expect(each(page, 'env')[0]).toEqual({ SECRET: '********', OTHER: '********' });
  });

  test('rolling back makes a new version of what an old one was', async () => {
    const id = await make('rolled', { env });
    await gateway.done('PUT', `/transformations/${id}`, { code: `${CODE}// two`, env: {} });
    const back = await gateway.done('PUT', `/transformations/${id}/rollback`, { version: 1 });
    expect(back).toMatchObject({ id, name: 'rolled', code: CODE, version: 3 });
    expect((await gateway.done('GET', `/transformations/${id}?include=env`))['env']).toEqual(env);
    expect(each(await gateway.done('GET', `/transformations/${id}/versions`), 'version')).toEqual([
      3, 2, 1,
    ]);
    expect(await refusal('PUT', `/transformations/${id}/rollback`, { version: 9 })).toEqual([
      'body.version names no version of this transformation',
    ]);
    expect(await refusal('PUT', `/transformations/${id}/rollback`, {})).toEqual([
      'body.version is required',
    ]);
  });
});
