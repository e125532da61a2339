import { afterAll, beforeAll, expect, test } from 'vitest';
import { each, type Gateway, type Json, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const config = { url: 'https://example.com' };

const RULES = [
  { type: 'deduplicate', window: 60_000, include_fields: ['body.order.id', 'body.items[*].sku'] },
  { type: 'filter', body: { type: { $startsWith: 'order.' } }, headers: null, path: '/orders' },
  { type: 'transform', transformation: { name: 't', code: 'addHandler()', env: { A: 'b' } } },
  { type: 'delay', delay: 5_000 },
  {
    type: 'retry',
    strategy: 'exponential',
    interval: 60_000,
    count: 5,
    response_status_codes: ['500-599', '>=400', '!401', '404'],
  },
];

// Described where it is given, a transformation is named from then on.
const REFERENCE = { type: 'transform', transformation_id: expect.stringMatching(/^trs_/) };

async function refusal(rules: unknown): Promise<unknown> {
  const body = {
    name: 'refused',
    source: { name: 'never' },
    destination: { name: 'never', config },
    rules,
  };
  const answer = await gateway.ask('POST', '/connections', { body });
  expect(answer.status).toBe(422);
  expect((await gateway.done('GET', '/sources?name=never'))['count']).toBe(0);
  return answer.body['data'];
}

test('a connection is made with both its ends, and every kind of rule reads back as it was given', async () => {
  const made = await gateway.done('POST', '/connections', {
    name: 'orders-to-billing',
    source: { name: 'shop' },
    destination: { name: 'billing', config },
    rules: RULES,
  });
  expect(made).toMatchObject({
    name: 'orders-to-billing',
    full_name: 'shop -> orders-to-billing',
    source: { name: 'shop', type: 'WEBHOOK' },
    destination: { name: 'billing', config },
    rules: RULES.map((rule) => (rule.type === 'transform' ? REFERENCE : rule)),
    paused_at: null,
    disabled_at: null,
  });
  expect(await gateway.done('GET', `/connections/${String(made['id'])}`)).toEqual({
    ...made,
    held_count: 0,
  });
});

test('many connections may describe the same source: it is made once', async () => {
  const made = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      gateway.done('POST', '/connections', {
        name,
        source: { name: 'shared' },
        destination: { name, config },
      }),
    ),
  );
  expect(new Set(made.map((one) => (one['source'] as Json)['id'])).size).toBe(1);
});

test('nothing is made when one part of a connection is wrong', async () => {
  const answer = await gateway.ask('POST', '/connections', {
    body: { name: 'half', source: { name: 'half-made' }, destination: { name: 'half-made' } },
  });
  expect(answer.body['data']).toEqual(['body.destination.config.url is required']);
  expect((await gateway.done('GET', '/sources?name=half-made'))['count']).toBe(0);
});

test('a connection needs two ends, each given once', async () => {
  const ask = async (body: Json) =>
    (await gateway.ask('PUT', '/connections', { body })).body['data'];
  expect(await ask({ name: 'x' })).toEqual([
    'body.source_id is required, or source instead of it',
    'body.destination_id is required, or destination instead of it',
  ]);
  const source_id = 'src_00000000000000000000';
  expect(
    await ask({ source_id, source: { name: 's' }, destination: { name: 'd', config } }),
  ).toEqual(['body.source_id cannot stand beside source']);
  expect(await ask({ source_id, destination: { name: 'd', config } })).toEqual([
    'body.source_id names no source',
  ]);
  expect(await ask({ source_id: 'web_1', destination: { name: 'd', config } })).toEqual([
    'body.source_id must be a whole id: src_ and 20 to 40 letters or digits',
  ]);
});

test('a name belongs to one connection of a source; put changes the one that has it', async () => {
  const ends = { source: { name: 'named' }, destination: { name: 'named', config } };
  const made = await gateway.done('POST', '/connections', { name: 'one', ...ends });
  const again = await gateway.ask('POST', '/connections', { body: { name: 'one', ...ends } });
  expect(again.status).toBe(409);
  expect(again.body['data']).toEqual({ id: made['id'], resource_type: 'connection' });
  const put = await gateway.done('PUT', '/connections', {
    name: 'one',
    source_id: (made['source'] as Json)['id'],
    destination: { name: 'elsewhere', config },
    rules: [{ type: 'delay', delay: 1 }],
  });
  expect(put).toMatchObject({ id: made['id'], destination: { name: 'elsewhere' } });
  const other = await gateway.done('POST', '/connections', { name: 'two', ...ends });
  const path = `/connections/${String(other['id'])}`;
  expect((await gateway.ask('PUT', path, { body: { name: 'one' } })).status).toBe(409);
  const changed = await gateway.done('PUT', path, { description: 'words', rules: [] });
  expect(changed).toMatchObject({ name: 'two', description: 'words', rules: [] });
  const unnamed = { source: { name: 'named' }, destination: { name: 'named', config } };
  const first = await gateway.done('PUT', '/connections', unnamed);
  expect(first).toMatchObject({ name: null, full_name: null });
  expect((await gateway.done('PUT', '/connections', unnamed))['id']).toBe(first['id']);
});

test('fifty puts of one connection at once make one', async () => {
  const body = { name: 'race', source: { name: 'race' }, destination: { name: 'race', config } };
  const made = await Promise.all(
    Array.from({ length: 50 }, () => gateway.done('PUT', '/connections', body)),
  );
  expect(new Set(made.map((one) => one['id'])).size).toBe(1);
});

test('a connection is disabled, enabled, paused by command, and deleted', async () => {
  const { id } = await gateway.done('POST', '/connections', {
    name: 'switched',
    source: { name: 'shop' },
    destination: { name: 'billing', config },
  });
  const path = `/connections/${String(id)}`;
  expect((await gateway.done('PUT', `${path}/disable`))['disabled_at']).not.toBeNull();
  expect((await gateway.done('PUT', `${path}/enable`))['disabled_at']).toBeNull();
  expect((await gateway.done('PUT', `${path}/archive`))['disabled_at']).not.toBeNull();
  expect((await gateway.done('PUT', `${path}/unarchive`))['disabled_at']).toBeNull();
  await gateway.done('PUT', `${path}/pause`, { reason: 'maintenance' });
  await gateway.done('PUT', `${path}/unpause`);
  await gateway.done('PUT', `${path}/resume`);
  const order = { projectId: gateway.projectId, gate: { kind: 'connection', id } };
  expect(gateway.heard.slice(-3)).toEqual([
    ['pause', { ...order, reason: 'maintenance' }],
    ['resume', order],
    ['resume', order],
  ]);
  expect(await gateway.done('DELETE', path)).toEqual({ id });
  expect((await gateway.ask('PUT', `${path}/pause`)).status).toBe(410);
});

test('connections are found by their ends, their full name and their state, in any order', async () => {
  const made = [];
  for (const [source, name] of [
    ['zoo', 'b'],
    ['zoo', 'a'],
    ['ant', 'c'],
  ] as const) {
    made.push(
      await gateway.done('POST', '/connections', {
        name,
        source: { name: source },
        destination: { name: `finds-${name}`, config },
      }),
    );
  }
  const zoo = (made[0]!['source'] as Json)['id'];
  const find = async (query: string) =>
    each(await gateway.done('GET', `/connections?${query}`), 'full_name');
  expect(await find(`source_id[0]=${String(zoo)}`)).toEqual(['zoo -> a', 'zoo -> b']);
  expect(await find(`source_id=${String(zoo)}&order_by=full_name&dir=DESC`)).toEqual([
    'zoo -> b',
    'zoo -> a',
  ]);
  expect(await find(`full_name=ZOO%20-%3E%20b`)).toEqual(['zoo -> b']);
  const both = `source_id=${String(zoo)}&source_id=${String((made[2]!['source'] as Json)['id'])}`;
  const sorted = `${both}&order_by[]=sources.name&order_by[]=destinations.name&dir[]=desc&dir[]=asc`;
  expect(await find(sorted)).toEqual(['zoo -> a', 'zoo -> b', 'ant -> c']);
  const first = await gateway.done('GET', `/connections?${sorted}&limit=1`);
  const { next } = first['pagination'] as Json;
  expect(await find(`${sorted}&limit=1&next=${String(next)}`)).toEqual(['zoo -> b']);
  expect(await gateway.done('GET', `/connections/count?${both}`)).toEqual({ count: 3 });
  expect(await find(`${both}&disabled=true`)).toEqual([]);
  expect(await find(`${both}&paused_at[any]=true`)).toEqual([]);
  expect(await find(`destination_id=${String((made[1]!['destination'] as Json)['id'])}`)).toEqual([
    'zoo -> a',
  ]);
});

test('every wrong rule is named with its path', async () => {
  expect(await refusal([{ type: 'transformation' }])).toEqual([
    'body.rules[0].type must be one of retry, filter, transform, delay, deduplicate',
  ]);
  expect(await refusal([{ type: 'delay', delay: -1 }])).toEqual([
    'body.rules[0].delay must be 0 or more',
  ]);
  // Kept for 30 days, as these are: later retries would find nothing to send.
  expect(
    await refusal([{ type: 'retry', strategy: 'linear', interval: 86_400_000, count: 40 }]),
  ).toEqual([
    'body.rules[0].count must be at most 29 at this interval: later retries would come after the event is removed (RETENTION_DAYS is 30); lower it or the interval, leave it out, or raise RETENTION_DAYS',
  ]);
  expect(await refusal([{ type: 'delay', delay: 2 ** 31 }])).toEqual([
    'body.rules[0].delay must be at most 2147483647 ms',
  ]);
  expect(await refusal([{ type: 'deduplicate', window: 10 }])).toEqual([
    'body.rules[0].window must be 1000 ms or more',
  ]);
  expect(
    await refusal([
      { type: 'deduplicate', window: 1000, include_fields: ['body.a'], exclude_fields: ['body.b'] },
    ]),
  ).toEqual(['body.rules[0].exclude_fields cannot stand beside include_fields']);
  expect(
    await refusal([
      { type: 'deduplicate', window: 1000, include_fields: ['cookies.a', 'body[0]'] },
    ]),
  ).toHaveLength(2);
  expect(
    await refusal([
      { type: 'retry', strategy: 'custom', interval: 5, response_status_codes: ['600'] },
    ]),
  ).toEqual([
    'body.rules[0].strategy must be one of linear, exponential',
    'body.rules[0].interval must be 100 ms or more',
    'body.rules[0].response_status_codes[0] must be a status such as 404, !401, >=500 or 500-599',
  ]);
  const retry = { type: 'retry', strategy: 'linear', interval: 1000 };
  expect(await refusal([retry, retry])).toEqual(['body.rules[1] must not be a second retry rule']);
  expect(
    await refusal([
      { type: 'transform', transformation: { name: 't', code: 'x'.repeat(262_145) } },
    ]),
  ).toEqual(['body.rules[0].transformation.code must be at most 256 kB']);
  expect(await refusal([{ type: 'transform' }])).toEqual([
    'body.rules[0].transformation_id is required, or transformation instead of it',
  ]);
  const body = { $or: [{ total: { $gt: [] } }, { 'a b': { $near: 1 } }] };
  expect(await refusal([{ type: 'filter', body }])).toEqual([
    'body.rules[0].body.$or[0].total.$gt must be a string or a number',
    expect.stringMatching(/^body\.rules\[0\]\.body\.\$or\[1\]\.a b\.\$near is not an operator/),
  ]);
  expect(await refusal([{ type: 'filter', cookies: {} }])).toEqual([
    'body.rules[0].cookies is not a known field',
  ]);
});

test('a connection says whose Standard Webhooks headers its deliveries carry; changes of other fields keep it', async () => {
  const made = await gateway.done('POST', '/connections', {
    name: 'from-openai',
    source: { name: 'openai' },
    destination: { name: 'agent', config },
    webhook_headers: 'pass_through',
  });
  expect(made).toMatchObject({ webhook_headers: 'pass_through' });
  const path = `/connections/${String(made['id'])}`;
  const renamed = await gateway.done('PUT', path, { description: 'changed' });
  expect(renamed).toMatchObject({ webhook_headers: 'pass_through' });
  const replaced = await gateway.done('PUT', path, { webhook_headers: 'replace' });
  expect(replaced).toMatchObject({ webhook_headers: 'replace' });
  const refused = await gateway.ask('PUT', path, { body: { webhook_headers: 'both' } });
  expect(refused.status).toBe(422);
  expect(JSON.stringify(refused.body)).toContain('must be replace or pass_through');
});
