import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId, type IdKind } from '../../src/db/ids.ts';
import { type Gateway, type Json, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const JSON_TYPE = { 'content-type': 'application/json' };

async function post(
  raw: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = JSON_TYPE,
) {
  const answer = await gateway.ask('POST', '/sources', { raw, headers });
  expect((await gateway.done('GET', '/sources'))['count']).toBe(0);
  return answer;
}

test('a body that is not JSON is told where it breaks', async () => {
  const answer = await post('{"name": "a",}');
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ code: 'BAD_REQUEST', status: 400, data: null });
  expect(answer.body['message']).toMatch(/^The body is not valid JSON: .*position 13/);
  expect((await post(new Uint8Array([0x22, 0xff, 0x22]))).body['message']).toBe(
    'The body is not valid UTF-8.',
  );
});

test('a body where none is expected is refused, and nothing is done', async () => {
  const { id } = await gateway.done('POST', '/destinations', {
    name: 'd',
    config: { url: 'https://example.com' },
  });
  const path = `/destinations/${String(id)}`;
  const ask = (raw: string) => gateway.ask('PUT', `${path}/disable`, { raw, headers: JSON_TYPE });
  expect((await ask('{bad')).status).toBe(400);
  expect((await ask('{"foo":1}')).body['data']).toEqual(['body.foo is not a known field']);
  expect(await gateway.done('GET', path)).toMatchObject({ disabled_at: null });
  expect((await ask('{}')).status).toBe(200);
  expect((await gateway.done('GET', path))['disabled_at']).not.toBeNull();
});

test('a 422 has a sentence as message, and one for each wrong field in data', async () => {
  const answer = await post(JSON.stringify({ name: 'a b', description: 5, size: 1 }));
  expect(answer.status).toBe(422);
  expect(answer.body).toEqual({
    code: 'UNPROCESSABLE_ENTITY',
    status: 422,
    message:
      'body.name must hold letters, digits, - and _ only; body.description must be a string; body.size is not a known field.',
    data: [
      'body.name must hold letters, digits, - and _ only',
      'body.description must be a string',
      'body.size is not a known field',
    ],
  });
  for (const [raw, sentence] of [
    ['[]', 'body must be an object'],
    ['null', 'body must be an object'],
    ['{}', 'body.name is required'],
    ['', 'body.name is required'],
    ['{"name":""}', 'body.name must not be empty'],
    [`{"name":"${'x'.repeat(156)}"}`, 'body.name must be at most 155 characters long'],
    ['{"name":"a\\u0000"}', 'body.name must not hold a NUL character'],
    [
      '{"name":"a","description":"\\ud800"}',
      'body.description must not hold half of a surrogate pair',
    ],
    ['{"name":"a","__proto__":{"x":1}}', 'body.__proto__ must not be named __proto__'],
    [
      `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
      'body must not be nested deeper than 100 levels',
    ],
  ] as const) {
    expect((await post(raw)).body['data']).toContain(sentence);
  }
});

test('a body of another type, another charset or too many bytes is refused before it is read', async () => {
  expect(
    (await post('name=a', { 'content-type': 'application/x-www-form-urlencoded' })).status,
  ).toBe(415);
  expect((await post('{}', { 'content-type': 'application/json; charset=latin1' })).status).toBe(
    415,
  );
  expect((await post('{}', { ...JSON_TYPE, 'content-encoding': 'zstd-x' })).status).toBe(415);
  const large = await post(JSON.stringify({ name: 'x'.repeat(1_000_001) }));
  expect(large.body).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', status: 413 });
});

test('unknown places are a 404, other methods a 405 that names the right ones', async () => {
  expect((await gateway.ask('GET', '/nonsense')).body).toMatchObject({
    code: 'NOT_FOUND',
    status: 404,
    message: 'There is no GET /2026-09-01/nonsense.',
  });
  expect(await (await fetch(`${gateway.origin}/nonsense`)).json()).toMatchObject({ status: 404 });
  const answer = await gateway.ask('DELETE', '/sources');
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe('GET, POST, PUT');
  expect((await gateway.ask('PATCH', '/sources/src_x')).status).toBe(405);
});

test('an id that is nothing here is a 404 that repeats it, whatever it looks like', async () => {
  const kinds = ['source', 'destination', 'connection', 'request', 'event', 'attempt'] as const;
  for (const kind of kinds) {
    for (const id of [newId(kind), 'src_1', 'x%00y', '%F0%9F%92%A9', "'--", '__proto__']) {
      const answer = await gateway.ask('GET', `/${kind}s/${id}`);
      expect(answer.body).toMatchObject({ code: 'NOT_FOUND', status: 404, message: 'Not Found' });
    }
  }
  expect((await gateway.ask('GET', '/sources/%E0%A4%A')).status).toBe(400);
});

test('every wrong parameter of a list is named', async () => {
  for (const [path, sentence] of [
    [
      '/sources?colour=red',
      'query.colour is not a known field; the known ones are id, name, type, disabled, disabled_at, created_at, updated_at, order_by, dir, limit, next, prev',
    ],
    [
      '/sources/count?limit=1',
      'query.limit is not a known field; the known ones are id, name, type, disabled, disabled_at, created_at, updated_at',
    ],
    ['/sources?limit=256', 'query.limit must be a whole number from 0 to 255'],
    ['/sources?limit=-1', 'query.limit must be a whole number from 0 to 255'],
    ['/sources?order_by=id', 'query.order_by must be one of created_at, updated_at, name'],
    ['/sources?dir=up', 'query.dir must be asc or desc'],
    ['/sources?next=web_1', 'query.next must be a whole id: src_ and 20 to 40 letters or digits'],
    ['/sources?disabled=maybe', 'query.disabled must be true or false'],
    [
      '/sources?disabled_at[gte]=yesterday',
      'query.disabled_at.gte must be a time such as 2026-09-01T12:00:00.000Z',
    ],
    [
      '/sources?disabled_at[never]=1',
      'query.disabled_at.never is not an operator of this filter, which takes gt, gte, lt, lte, any, all',
    ],
    [
      '/sources?name[gt]=a',
      'query.name.gt is not an operator of this filter, which takes any, all',
    ],
    ['/sources?name=%00', 'query.name must not hold a NUL character'],
    ['/sources?name=a&name[any]=true', 'query.name.any must not be both a value and an object'],
    ['/sources?name[=a', 'query.name[ is not a name that can be read'],
    ['/sources?__proto__[x]=a', 'query.__proto__[x] is not a name that can be read'],
    [
      '/sources?constructor=a',
      'query.constructor is not a known field; the known ones are id, name, type, disabled, disabled_at, created_at, updated_at, order_by, dir, limit, next, prev',
    ],
    ['/events?source=x', 'query.source is not a known field: did you mean source_id?'],
    ['/events?source_name=x', 'query.source_name is not a known field: did you mean source_id?'],
    ['/sources?nmae=x', 'query.nmae is not a known field: did you mean name?'],
    ['/events?attempts=many', 'query.attempts must be a whole number'],
    [
      '/events?status=DONE',
      'query.status must be one of SCHEDULED, QUEUED, HOLD, SUCCESSFUL, FAILED, CANCELLED',
    ],
    ['/events?retry_state=MAYBE', 'query.retry_state must be one of PENDING, BLOCKED, ENDED'],
    ['/destinations?type=FTP', 'query.type must be one of HTTP, CLI, MOCK_API'],
    ['/sources/count?type=FTP', 'query.type must be one of ASANA, NOTION, WEBHOOK, HTTP, STRIPE'],
    ['/events?search_term=ab', 'query.search_term must be 3 characters long or longer'],
    [
      '/events?webhook_id=src_1',
      'query.webhook_id must be a whole id: web_ and 20 to 40 letters or digits',
    ],
    ['/requests?body={', 'query.body must be a JSON text'],
    ['/requests?headers=[]', 'query.headers must be a JSON object'],
    ['/requests?include=everything', 'query.include must be data'],
    [`/events/${newId('event')}?x=1`, 'query.x is not a known parameter'],
  ] as const) {
    const answer = await gateway.ask('GET', path);
    expect([path, answer.body['data']]).toEqual([path, [sentence]]);
  }
});

test('our own faults are a 500 without particulars, and are logged', async () => {
  const broken = await startGateway({
    validateSourceConfig() {
      throw new Error('internal particulars');
    },
  });
  try {
    const answer = await broken.ask('POST', '/sources', { body: { name: 'a' } });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('particulars');
    expect(broken.errors).toHaveLength(1);
  } finally {
    await broken.close();
  }
});

type Parameter = { in: string; name: string; schema?: unknown };

/** The values a parameter may have, where they are a closed set. */
function valuesOf(schema: unknown): string[] | null {
  const { enum: values, anyOf, const: only } = (schema ?? {}) as Json;
  if (Array.isArray(values)) return values.map(String);
  if (typeof only === 'string') return [only];
  const parts = Array.isArray(anyOf) ? anyOf.map(valuesOf) : [];
  return parts.find((found) => found !== null) ?? null;
}

test('a filter with a value that is not known is refused, on every list, and the known ones are named', async () => {
  const paths = Object.entries(gateway.document.paths as Record<string, { get?: Json }>);
  const seen = new Set<string>();
  for (const [path, { get }] of paths) {
    for (const { in: place, name, schema } of (get?.['parameters'] ?? []) as Parameter[]) {
      const values = place === 'query' ? valuesOf(schema) : null;
      if (!values) continue;
      const kind = path.split('/')[1]!.replace(/s$/, '') as IdKind;
      const own = path.replace('{id}', () => newId(kind));
      const answer = await gateway.ask('GET', `${own}?${name}=no-such-value`);
      expect([own, name, answer.status]).toEqual([own, name, 422]);
      for (const value of values) expect(answer.text).toContain(value);
      seen.add(`${path.split('/').at(-1)}.${name}`);
    }
  }
  for (const list of [
    'events.status',
    'events.error_code',
    'attempts.trigger',
    'attempts.error_code',
    'requests.rejection_cause',
    'requests.ignored_cause',
    'ignored_events.cause',
    'sources.type',
    'destinations.type',
    'executions.outcome',
    'executions.log_level',
    'connections.order_by',
    'versions.dir',
    'transformations.include',
    'count.type',
  ]) {
    expect(seen).toContain(list);
  }
});
