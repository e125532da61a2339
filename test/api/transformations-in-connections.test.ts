import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSandboxPool, type SandboxPool } from '../../src/sandbox/pool.ts';
import { type Gateway, type Json, startGateway } from './gateway.ts';

const CODE = `addHandler('transform', (request, context) => {
  request.headers['x-secret'] = process.env.SECRET ?? 'none';
  return request;
});`;
const env = { SECRET: 'very-hidden' };

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
      'The transformation is used by user-1 -> user-1, user-2 -> user-2. Remove it from their rules first.',
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
])('a filter that cannot mean anything is refused with the wrong part: %j', async (parts, path) => {
  const rules = [{ type: 'filter', ...parts }];
  const data = await refusal('PUT', '/connections', { name: 'f', ...ends('f'), rules });
  expect(data).toEqual([expect.stringContaining(`body.${path}`)]);
});

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
