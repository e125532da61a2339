import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSandboxPool, type SandboxPool } from '../../src/sandbox/pool.ts';
import { each, type Gateway, type Json, SEALER, startGateway } from './gateway.ts';

const CODE = `addHandler('transform', (request, context) => {
  request.headers['x-secret'] = process.env.SECRET ?? 'none';
  return request;
});`;
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
    expect(await refusal('PUT', `/transformations/${id}`, { code, env: {} })).toEqual([
      expect.stringContaining('TypeError'),
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

describe('in a connection', () => {
  const ends = (name: string) => ({
    source: { name },
    destination: { name, config: { url: 'https://example.com' } },
  });
  const connect = (name: string, rules: object[]) =>
    gateway.done('PUT', '/connections', { name, ...ends(name), rules });

  test('a described one is made by its name, and the rule names it from then on', async () => {
    const described = { type: 'transform', transformation: { name: 'inline', code: CODE, env } };
    const made = await connect('inline', [described]);
    const [rule] = made['rules'] as Json[];
    const id = String(rule!['transformation_id']);
    expect(rule).toEqual({ type: 'transform', transformation_id: id });
    expect(await gateway.done('GET', `/transformations/${id}?include=env`)).toMatchObject({
      name: 'inline',
      env,
      version: 1,
    });
    const changed = { ...described.transformation, code: `${CODE}// two` };
    const again = await connect('inline-too', [{ type: 'transform', transformation: changed }]);
    expect(again['rules']).toEqual([{ type: 'transform', transformation_id: id }]);
    expect(await gateway.done('GET', `/transformations/${id}`)).toMatchObject({ version: 2 });
    const path = `/connections/${String(made['id'])}`;
    const updated = await gateway.done('PUT', path, { rules: [described] });
    expect(updated['rules']).toEqual([{ type: 'transform', transformation_id: id }]);
  });

  test('an id must name one of the project, and wrong code is named where it stands', async () => {
    const ask = (rules: object[]) =>
      refusal('PUT', '/connections', { name: 'wrong', ...ends('wrong'), rules });
    const id = await make('deleted');
    await gateway.done('DELETE', `/transformations/${id}`);
    const retry = { type: 'retry', strategy: 'linear' };
    const unknown = ['body.rules[1].transformation_id names no transformation'];
    expect(await ask([retry, { type: 'transform', transformation_id: id }])).toEqual(unknown);
    const other = `trs_${'0'.repeat(20)}`;
    expect(await ask([retry, { type: 'transform', transformation_id: other }])).toEqual(unknown);
    const code = '\n  return }';
    const wrong = { type: 'transform', transformation: { name: 'wrong', code } };
    expect(await ask([retry, wrong])).toEqual([
      expect.stringMatching(
        /^body\.rules\[1\]\.transformation\.code cannot be run: SyntaxError: .* \(line 2, column \d+\)$/,
      ),
    ]);
    expect(await ask([{ type: 'transform' }])).toEqual([
      'body.rules[0].transformation_id is required, or transformation instead of it',
    ]);
    expect((await gateway.done('GET', '/sources?name=wrong'))['count']).toBe(0);
    expect((await gateway.done('GET', '/transformations?name=wrong'))['count']).toBe(0);
  });

  test('one that is used is not deleted: the answer names the connections', async () => {
    const id = await make('used');
    const rules = [{ type: 'transform', transformation_id: id }];
    const one = await connect('user-1', rules);
    const two = await connect('user-2', rules);
    const answer = await gateway.ask('DELETE', `/transformations/${id}`);
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({
      code: 'RESOURCE_IN_USE',
      message:
        'The transformation is used by user-1 -> user-1, user-2 -> user-2: take it out of their rules first.',
      data: { connections: [{ id: one['id'] }, { id: two['id'] }] },
    });
    await gateway.done('DELETE', `/connections/${String(one['id'])}`);
    await connect('user-2', []);
    expect(await gateway.done('DELETE', `/transformations/${id}`)).toEqual({ id });
    expect((await gateway.ask('GET', `/transformations/${id}`)).status).toBe(410);
    expect((await gateway.ask('PUT', `/transformations/${id}`, { body: {} })).status).toBe(410);
    await make('used');
  });

  test('deleting it while a connection takes it up leaves no rule without its code', async () => {
    for (let round = 0; round < 10; round++) {
      const id = await make(`contested-${round}`);
      const body = {
        name: `contested-${round}`,
        ...ends('contested'),
        rules: [{ type: 'transform', transformation_id: id }],
      };
      const [taken, deleted] = await Promise.all([
        gateway.ask('PUT', '/connections', { body }),
        gateway.ask('DELETE', `/transformations/${id}`),
      ]);
      expect([taken.status, deleted.status].toSorted((a, b) => a - b)).toSatisfy(
        ([first, second]: number[]) => first === 200 && (second === 409 || second === 422),
      );
    }
  });

  test.each([
    [{ body: { $or: [{ a: { $gt: 1 } }, { a: { $gtt: 2 } }] } }, 'rules[0].body.$or[1].a'],
    [{ headers: { a: { $or: 'x' } } }, 'rules[0].headers.a.$or'],
    [{ query: { 'a b': { $in: {} } } }, 'rules[0].query.a b.$in'],
  ])(
    'a filter that cannot mean anything is refused with the wrong part: %j',
    async (parts, path) => {
      const rules = [{ type: 'filter', ...parts }];
      const data = await refusal('PUT', '/connections', { name: 'f', ...ends('f'), rules });
      expect(data).toEqual([expect.stringContaining(`body.${path}`)]);
    },
  );

  test('a deduplicate rule remembers for a second at least, and for thirty days at most', async () => {
    const ask = (rule: object) =>
      gateway.ask('PUT', '/connections', {
        body: { name: 'd', ...ends('d'), rules: [{ type: 'deduplicate', ...rule }] },
      });
    const month = 30 * 86_400_000;
    for (const window of [1_000, month]) expect((await ask({ window })).status).toBe(200);
    for (const window of [999, month + 1, 1_000.5, '1000']) {
      const answer = await ask({ window });
      expect(answer.status).toBe(422);
      expect(answer.body['data']).toEqual([expect.stringContaining('body.rules[0].window')]);
    }
    const both = await ask({ window: 1_000, include_fields: ['body.a'], exclude_fields: ['path'] });
    expect(both.body['data']).toEqual([
      'body.rules[0].exclude_fields cannot stand beside include_fields',
    ]);
    const path = await ask({ window: 1_000, include_fields: ['body.a', 'cookies.b'] });
    expect(path.body['data']).toEqual([
      'body.rules[0].include_fields[1] must begin with headers, body, query or path',
    ]);
  });
});
