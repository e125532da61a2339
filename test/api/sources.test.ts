import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { followClock } from '../../src/db/clock.ts';
import { each, type Gateway, type Json, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

test('a source is made with its URL, default methods and type, and reads back the same', async () => {
  const made = await gateway.done('POST', '/sources', { name: 'plain', description: 'the first' });
  expect(made).toMatchObject({
    name: 'plain',
    description: 'the first',
    team_id: gateway.projectId,
    type: 'WEBHOOK',
    authenticated: false,
    url: `http://gateway.test/in/${String(made['id'])}`,
    config: { allowed_http_methods: ['POST', 'PUT', 'PATCH', 'DELETE'] },
    disabled_at: null,
  });
  expect(await gateway.done('GET', `/sources/${String(made['id'])}`)).toEqual(made);
  expect(gateway.heard.at(-1)).toEqual(['configurationChanged', null]);
});

test('a change of type does not drop the credentials in silence', async () => {
  const config = { auth: { webhook_secret_key: 'whsec_another_secret' } };
  const made = await gateway.done('POST', '/sources', { name: 'typed', type: 'STRIPE', config });
  const path = `/sources/${String(made['id'])}`;
  const refused = await gateway.ask('PUT', path, { body: { type: 'WEBHOOK' } });
  expect(refused.status).toBe(422);
  expect(refused.body['data']).toEqual([
    'body.config.auth the credentials are those of STRIPE: give the ones of WEBHOOK, or null for none',
  ]);
  const open = { type: 'WEBHOOK', config: { auth: null } };
  expect(await gateway.done('PUT', path, open)).toMatchObject({ authenticated: false });
});

test('credentials are shown only when they are asked for, and stand in the table sealed', async () => {
  const auth = { webhook_secret_key: 'whsec_very_secret' };
  const made = await gateway.done('POST', '/sources', {
    name: 'stripe',
    type: 'STRIPE',
    config: { auth },
  });
  const path = `/sources/${String(made['id'])}`;
  expect(made).toMatchObject({ authenticated: true });
  expect(JSON.stringify(await gateway.done('GET', path))).not.toContain('very_secret');
  const shown = await gateway.done('GET', `${path}?include=config.auth`);
  expect(shown['config']).toMatchObject({ auth });
  const { rows } = await gateway.db.query<Json>({ text: 'select * from sources' });
  expect(JSON.stringify(rows)).not.toContain('very_secret');
  const bytes = Buffer.concat(rows.map((row) => (row['auth'] as Buffer | null) ?? Buffer.alloc(0)));
  expect(bytes.length).toBeGreaterThan(0);
  expect(bytes.includes('very_secret')).toBe(false);
});

test('a change replaces what it names, and keeps credentials that it does not name', async () => {
  const made = await gateway.done('POST', '/sources', {
    name: 'kept',
    type: 'STRIPE',
    config: { auth: { webhook_secret_key: 'kept-secret' }, idempotency_key: 'headers.x-id' },
  });
  const path = `/sources/${String(made['id'])}`;
  const changed = await gateway.done('PUT', path, {
    description: 'new',
    config: { allowed_http_methods: ['GET'], idempotency_key: null },
  });
  expect(changed).toMatchObject({ name: 'kept', description: 'new', authenticated: true });
  expect(changed['config']).toEqual({ allowed_http_methods: ['GET'] });
  const shown = await gateway.done('GET', `${path}?include=config.auth`);
  expect(shown['config']).toMatchObject({ auth: { webhook_secret_key: 'kept-secret' } });
});

test('what the type of a source demands is asked of the verification, and named with its path', async () => {
  const answer = await gateway.ask('POST', '/sources', {
    body: { name: 'empty', type: 'STRIPE', config: { auth: {} } },
  });
  expect(answer.status).toBe(422);
  expect(answer.body['data']).toEqual(['body.config.auth.webhook_secret_key is required']);
  const unknown = await gateway.ask('POST', '/sources', { body: { name: 'empty', type: 'NOPE' } });
  expect(unknown.body['data']).toEqual([
    'body.type must be one of the source types, such as WEBHOOK, HTTP, STRIPE or GITHUB',
  ]);
  expect(each(await gateway.done('GET', '/sources'), 'name')).not.toContain('empty');
});

test('a name that is taken is a 409 with the id of its owner, a put of the same name changes it', async () => {
  const made = await gateway.done('POST', '/sources', { name: 'twice' });
  const again = await gateway.ask('POST', '/sources', { body: { name: 'twice' } });
  expect(again.body).toEqual({
    code: 'RESOURCE_ALREADY_EXISTS',
    status: 409,
    message: `A source named "twice" exists already: ${String(made['id'])}. To change it, use PUT /sources/${String(made['id'])}; otherwise choose another name.`,
    data: { id: made['id'], resource_type: 'source' },
  });
  const put = await gateway.done('PUT', '/sources', { name: 'twice', description: 'changed' });
  expect(put).toMatchObject({ id: made['id'], description: 'changed' });
  const other = await gateway.done('PUT', '/sources', { name: 'once' });
  const renamed = await gateway.ask('PUT', `/sources/${String(other['id'])}`, {
    body: { name: 'twice' },
  });
  expect(renamed.body['data']).toEqual({ id: made['id'], resource_type: 'source' });
  expect(renamed.body['message']).toBe(again.body['message']);
});

test('a hundred puts of one name at once make one source', async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => gateway.ask('PUT', '/sources', { body: { name: 'race' } })),
  );
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  expect(new Set(answers.map((answer) => answer.body['id'])).size).toBe(1);
});

test('disabling a source disables its connections, and archive is another word for it', async () => {
  const connection = await gateway.done('POST', '/connections', {
    name: 'c',
    source: { name: 'to-disable' },
    destination: { name: 'd', config: { url: 'https://example.com' } },
  });
  const path = `/sources/${String((connection['source'] as Json)['id'])}`;
  for (const [off, on] of [
    ['disable', 'enable'],
    ['archive', 'unarchive'],
  ]) {
    expect((await gateway.done('PUT', `${path}/${off}`))['disabled_at']).toEqual(
      expect.any(String),
    );
    const shown = await gateway.done('GET', `/connections/${String(connection['id'])}`);
    expect(shown['disabled_at']).toEqual(expect.any(String));
    expect((await gateway.done('PUT', `${path}/${on}`))['disabled_at']).toBeNull();
  }
});

test('enabling a source enables the connections that were disabled with it, and no others', async () => {
  const make = async (name: string) => {
    const made = await gateway.done('POST', '/connections', {
      name,
      source: { name: 'to-enable' },
      destination: { name: 'd', config: { url: 'https://example.com' } },
    });
    return {
      source: String((made['source'] as Json)['id']),
      path: `/connections/${String(made['id'])}`,
    };
  };
  const { source, path: on } = await make('on');
  const { path: before } = await make('off-before');
  const { path: meanwhile } = await make('on-meanwhile');
  const open = async () => {
    const shown = await Promise.all(
      [on, before, meanwhile].map((path) => gateway.done('GET', path)),
    );
    return shown.map((connection) => connection['disabled_at'] === null);
  };
  await gateway.done('PUT', `${before}/disable`);
  await gateway.done('PUT', `/sources/${source}/disable`);
  await gateway.done('PUT', `${meanwhile}/enable`);
  expect(await open()).toEqual([false, false, true]);
  // Disabled once more, it takes along what was enabled meanwhile.
  await gateway.done('PUT', `/sources/${source}/disable`);
  expect(await open()).toEqual([false, false, false]);
  await gateway.done('PUT', `/sources/${source}/enable`);
  expect(await open()).toEqual([true, false, true]);
});

test('a deleted source is gone with its connections, and its name is free again', async () => {
  const connection = await gateway.done('POST', '/connections', {
    name: 'c',
    source: { name: 'to-delete' },
    destination: { name: 'd', config: { url: 'https://example.com' } },
  });
  const id = String((connection['source'] as Json)['id']);
  expect(await gateway.done('DELETE', `/sources/${id}`)).toEqual({ id });
  for (const [method, path] of [
    ['GET', `/sources/${id}`],
    ['DELETE', `/sources/${id}`],
    ['PUT', `/sources/${id}/enable`],
    ['GET', `/connections/${String(connection['id'])}`],
  ] as const) {
    const answer = await gateway.ask(method, path);
    expect(answer.body).toEqual({
      code: 'GONE',
      status: 410,
      message: 'Resource was deleted',
      data: { deleted: true },
    });
  }
  expect((await gateway.done('POST', '/sources', { name: 'to-delete' }))['id']).not.toBe(id);
});

test('a list is filtered, counted, sorted, and walked from end to end and back', async () => {
  for (const name of ['walk-a', 'walk-b', 'walk-c', 'walk-d', 'walk-e']) {
    await gateway.done('POST', '/sources', { name, type: 'HTTP' });
  }
  const list = '/sources?type=HTTP&order_by=name&dir=asc&limit=2';
  const first = await gateway.done('GET', list);
  expect(each(first, 'name')).toEqual(['walk-a', 'walk-b']);
  expect(first).toMatchObject({ count: 2, pagination: { order_by: 'name', dir: 'asc', limit: 2 } });
  const { next } = first['pagination'] as Json;
  expect(first['pagination']).not.toHaveProperty('prev');
  const second = await gateway.done('GET', `${list}&next=${String(next)}`);
  expect(each(second, 'name')).toEqual(['walk-c', 'walk-d']);
  const { next: third, prev } = second['pagination'] as Json;
  const last = await gateway.done('GET', `${list}&next=${String(third)}`);
  expect(each(last, 'name')).toEqual(['walk-e']);
  expect(last['pagination']).not.toHaveProperty('next');
  const back = await gateway.done('GET', `${list}&prev=${String(prev)}`);
  expect(each(back, 'name')).toEqual(['walk-a', 'walk-b']);
  expect(back['pagination']).not.toHaveProperty('prev');
  expect(back['pagination']).toHaveProperty('next', next);
  expect(await gateway.done('GET', '/sources/count?type=HTTP')).toEqual({ count: 5 });
  const two = await gateway.done('GET', '/sources?name[0]=walk-b&name[1]=walk-e');
  expect(each(two, 'name')).toEqual(['walk-e', 'walk-b']);
  await gateway.done('PUT', `/sources/${String(each(two, 'id')[0])}/disable`);
  const disabled = await gateway.done('GET', '/sources?disabled=true&disabled_at[any]=true');
  expect(each(disabled, 'name')).toEqual(['walk-e']);
  expect(each(await gateway.done('GET', '/sources?limit=0'), 'name')).toEqual([]);
});

test('a source whose provider hands over the secret is open to it at first, and again when the operator asks', async () => {
  const made = await gateway.done('POST', '/sources', { name: 'tasks', type: 'ASANA' });
  const id = String(made['id']);
  const minutesLeft = (source: Json) =>
    Math.round((Date.parse(String(source['setup_until'])) - Date.now()) / 60_000);
  expect(minutesLeft(made)).toBe(60);

  const opened = await gateway.done('PUT', `/sources/${id}/setup`, { minutes: 5 });
  expect(minutesLeft(opened)).toBe(5);
  expect(await gateway.done('GET', `/sources/${id}`)).toEqual(opened);

  const config = { auth: { webhook_secret_key: 'known' } };
  const closed = await gateway.done('PUT', `/sources/${id}`, { config });
  expect(closed['setup_until']).toBeNull();
  const refused = await gateway.ask('PUT', `/sources/${id}/setup`, { body: { minutes: 5 } });
  expect(refused.status).toBe(409);
  expect(refused.body['message']).toContain('set config.auth to null first');

  const emptied = await gateway.done('PUT', `/sources/${id}`, { config: { auth: null } });
  expect(minutesLeft(emptied)).toBe(60);
});

test('a set-up window is shown open by the clock by which it is open', async () => {
  const made = await gateway.done('POST', '/sources', { name: 'late-clock', type: 'ASANA' });
  await followClock(gateway.db);
  vi.useFakeTimers({ now: Date.now() + 86_400_000, toFake: ['Date'] });
  try {
    const shown = await gateway.done('GET', `/sources/${String(made['id'])}`);
    expect(shown['setup_until']).toBe(made['setup_until']);
  } finally {
    vi.useRealTimers();
  }
});

test('a source of another kind has no set-up window, until its type becomes one that has', async () => {
  const made = await gateway.done('POST', '/sources', { name: 'notes', type: 'STRIPE' });
  const id = String(made['id']);
  expect(made['setup_until']).toBeNull();
  const refused = await gateway.ask('PUT', `/sources/${id}/setup`, { body: { minutes: 5 } });
  expect(refused.status).toBe(409);
  expect(refused.body['message']).toContain('set config.auth instead');
  const changed = await gateway.done('PUT', `/sources/${id}`, { type: 'NOTION' });
  expect(Date.parse(String(changed['setup_until']))).toBeGreaterThan(Date.now());
});

test.each(['ASANA', 'NOTION'])(
  'a webhook whose auth_type becomes %s can be set up from then on, however old it is',
  async (type) => {
    const name = `becomes-${type}`;
    const made = await gateway.done('POST', '/sources', { name, type: 'WEBHOOK' });
    const id = String(made['id']);
    await gateway.db.query({
      text: `update sources set setup_until = now() - interval '1 day' where id = $1`,
      values: [id],
    });
    const path = `/sources/${id}`;
    const changed = await gateway.done('PUT', path, { config: { auth_type: type } });
    expect(Date.parse(String(changed['setup_until']))).toBeGreaterThan(Date.now() + 3_500_000);
    // Saving the same again is no change.
    const same = await gateway.done('PUT', path, { config: { auth_type: type } });
    expect(same['setup_until']).toBe(changed['setup_until']);
  },
);

test.each([0, 1441, 1.5, '5'])('a set-up window of %s minutes is refused', async (minutes) => {
  const made = await gateway.done('PUT', '/sources', { name: 'refused-setup', type: 'ASANA' });
  const path = `/sources/${String(made['id'])}/setup`;
  const answer = await gateway.ask('PUT', path, { body: { minutes } });
  expect(answer.status).toBe(422);
  expect(JSON.stringify(answer.body)).toContain('body.minutes');
});
