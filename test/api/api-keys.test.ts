import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthenticate } from '../../src/api/auth.ts';
import { ensureFirstKey, hashOfKey } from '../../src/db/api-keys.ts';
import { newId } from '../../src/db/ids.ts';
import { askKeyStanding } from '../../src/db/key-standing.ts';
import { until } from '../support/until.ts';
import { each, type Gateway, type Json, KEY, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const opens = async (key: string) => (await gateway.ask('GET', '/sources', { key })).status === 200;
const make = (body: Json) => gateway.done('POST', '/api-keys', body);

test('a key is shown when it is made, opens the API at once, and is kept as a hash alone', async () => {
  const made = await make({ label: 'for the CI' });
  const key = String(made['key']);
  expect(key).toMatch(/^sk_[\w-]{43}$/);
  expect(await opens(key)).toBe(true);
  const { key: _key, ...rest } = made;
  const shown = await gateway.done('GET', `/api-keys/${String(made['id'])}`);
  expect({ ...shown, last_used_at: null }).toEqual(rest);
  expect(shown).toMatchObject({ label: 'for the CI', origin: 'api', expires_at: null });
  const list = await gateway.done('GET', '/api-keys');
  expect(each(list, 'id')).toContain(made['id']);
  expect(JSON.stringify(list)).not.toContain(key);
  const { rows } = await gateway.db.query<{ text: string }>({
    text: 'select row_to_json(k)::text as text from api_keys k',
  });
  expect(rows.map(({ text }) => text).join()).not.toContain(key);
});

test('a revoked key opens nothing, at once here and within a second in every other process', async () => {
  const made = await make({ label: 'a' });
  const key = String(made['key']);
  const elsewhere = createAuthenticate(gateway.db);
  const there = async () => (await elsewhere(`Bearer ${key}`)) !== null;
  expect(await there()).toBe(true);
  await gateway.done('DELETE', `/api-keys/${String(made['id'])}`);
  expect(await opens(key)).toBe(false);
  await until('the other one knows', async () => !(await there()), { withinMs: 2_000 });
  expect(each(await gateway.done('GET', '/api-keys'), 'id')).not.toContain(made['id']);
  expect((await gateway.ask('DELETE', `/api-keys/${String(made['id'])}`)).status).toBe(404);
});

test('a key that another process makes is known within a second, however often it was refused before', async () => {
  const key = 'sk_made_by_another_process';
  for (let i = 0; i < 10; i++) expect(await opens(key)).toBe(false);
  await gateway.db.query({
    text: `insert into api_keys (id, project_id, label, hash, fingerprint, origin) values ($1, $2, 'x', $3, 'x', 'api')`,
    values: [newId('apiKey'), gateway.projectId, hashOfKey(key)],
  });
  await until('it opens', () => opens(key), { withinMs: 2_000 });
});

test('a key ends when it is to: at a time, at once, or never', async () => {
  const soon = new Date(Date.now() + 1_500).toISOString();
  const made = await make({ label: 'short', expires_at: soon });
  const [id, key] = [String(made['id']), String(made['key'])];
  expect(made['expires_at']).toBe(soon);
  expect(await opens(key)).toBe(true);
  await until('its end', async () => !(await opens(key)));
  const never = await gateway.done('PUT', `/api-keys/${id}`, { expires_at: null, label: 'long' });
  expect(never).toMatchObject({ expires_at: null, label: 'long' });
  expect(await opens(key)).toBe(true);
  await gateway.done('PUT', `/api-keys/${id}`, { expires_at: '2020-01-01T00:00:00Z' });
  expect(await opens(key)).toBe(false);
});

test('a key is rolled: the new one opens at once, the old one for as long as was said', async () => {
  const old = await make({ label: 'rolled' });
  const next = await gateway.done('POST', `/api-keys/${String(old['id'])}/roll`, {
    delay_sec: 3600,
  });
  expect(next).toMatchObject({ label: 'rolled', origin: 'api' });
  expect([await opens(String(old['key'])), await opens(String(next['key']))]).toEqual([true, true]);
  const last = await gateway.done('POST', `/api-keys/${String(next['id'])}/roll`);
  expect([await opens(String(next['key'])), await opens(String(last['key']))]).toEqual([
    false,
    true,
  ]);
});

test('whether a key works can be asked of the database alone, where it can be reached', async () => {
  const { key, id } = await make({ label: 'asked about' });
  const ask = (url = gateway.url) => askKeyStanding(url, String(key));
  expect(await ask()).toBe('valid');
  await gateway.done('PUT', `/api-keys/${String(id)}`, { expires_at: '2020-01-01T00:00:00Z' });
  expect(await ask()).toBe('expired');
  await gateway.done('DELETE', `/api-keys/${String(id)}`);
  expect(await ask()).toBe('revoked');
  expect(await askKeyStanding(gateway.url, 'sk_of_another_gateway')).toBe('unknown');
  expect(await ask('postgres://me@127.0.0.1:1/db')).toBeNull();
});

test('a key has a label, which may be called its name', async () => {
  const made = await make({ name: 'named' });
  expect(made['label']).toBe('named');
  const path = `/api-keys/${String(made['id'])}`;
  expect(await gateway.done('PUT', path, { name: 'again' })).toMatchObject({ label: 'again' });
});

test.each([
  [{}, 'body.label is required'],
  [{ label: '' }, 'body.label must not be empty'],
  [{ label: 'x'.repeat(156) }, 'body.label must be at most 155 characters long'],
  [
    { label: 'x', expires_at: 'tomorrow' },
    'body.expires_at must be a time like 2027-01-31T12:00:00Z',
  ],
  [{ label: 'x', key: 'mine' }, 'body.key is not a known field'],
])('what cannot be a key is a 422 that says why: %j', async (body, message) => {
  const answer = await gateway.ask('POST', '/api-keys', { body });
  expect([answer.status, answer.body['data']]).toEqual([422, [message]]);
});

test('the use of a key is noted', async () => {
  const made = await make({ label: 'used' });
  expect(made['last_used_at']).toBeNull();
  await opens(String(made['key']));
  await until('it is noted', async () => {
    const shown = await gateway.done('GET', `/api-keys/${String(made['id'])}`);
    return shown['last_used_at'] !== null;
  });
});

test('the last key without an expiry stays, and what API_KEY says is changed there', async () => {
  const other = await startGateway();
  try {
    const [first] = (await other.done('GET', '/api-keys'))['models'] as Json[];
    const path = `/api-keys/${String(first?.['id'])}`;
    expect(first).toMatchObject({ origin: 'first_start' });
    const refused = await other.ask('DELETE', path);
    expect([refused.status, refused.body['message']]).toEqual([
      422,
      'key is the last one without an expiry: create another one first.',
    ]);
    const past = { expires_at: '2020-01-01T00:00:00Z' };
    expect((await other.ask('PUT', path, { body: past })).status).toBe(422);
    const made = await other.done('POST', '/api-keys', { label: 'next' });
    await other.done('DELETE', path);
    expect((await other.ask('GET', '/sources')).status).toBe(401);
    // The next start of the same data directory does not bring it back.
    await ensureFirstKey(other.db, { projectId: other.projectId, key: KEY });
    const mine = { key: String(made['key']) };
    await until(
      'it is read again',
      async () => (await other.ask('GET', '/sources', mine)).status === 200,
    );
    expect((await other.ask('GET', '/sources')).status).toBe(401);

    await ensureFirstKey(other.db, {
      projectId: other.projectId,
      key: 'from-outside',
      isGiven: true,
    });
    const list = (await other.ask('GET', '/api-keys', mine)).body['models'] as Json[];
    const given = `/api-keys/${String(list.find((one) => one['origin'] === 'environment')?.['id'])}`;
    for (const [method, at] of [
      ['DELETE', given],
      ['POST', `${given}/roll`],
    ] as const) {
      const answer = await other.ask(method, at, mine);
      expect([answer.status, answer.body['message']]).toEqual([
        422,
        expect.stringContaining('API_KEY'),
      ]);
    }
  } finally {
    await other.close();
  }
});

test('API_KEY takes the place of the key that the first start made, until it is not set any more', async () => {
  const other = await startGateway();
  try {
    const { db, projectId } = other;
    const opensThere = async (key: string) =>
      (await other.ask('GET', '/sources', { key })).status === 200;
    expect(await opensThere(KEY)).toBe(true);
    expect(await ensureFirstKey(db, { projectId, key: 'from-outside', isGiven: true })).toBe(1);
    await until('it is void', async () => !(await opensThere(KEY)), { withinMs: 3_000 });
    expect(await opensThere('from-outside')).toBe(true);
    expect(await ensureFirstKey(db, { projectId, key: 'from-outside', isGiven: true })).toBe(0);

    // Its data directory still has it, and nothing else opens the gateway to whoever has lost the other one.
    await ensureFirstKey(db, { projectId, key: KEY });
    await until('it opens again', () => opensThere(KEY), { withinMs: 3_000 });
  } finally {
    await other.close();
  }
});

test('another API_KEY takes the place of the one before, and of no key that the API made', async () => {
  const made = String((await make({ label: 'stays' }))['key']);
  const start = async (key: string) => {
    await ensureFirstKey(gateway.db, { projectId: gateway.projectId, key, isGiven: true });
    await until('it opens', () => opens(key), { withinMs: 2_000 });
  };
  await start('the-first-one');
  await start('the-first-one');
  await start('the-second-one');
  expect([await opens('the-first-one'), await opens(made)]).toEqual([false, true]);
  await start('the-first-one');
  expect(await opens('the-second-one')).toBe(false);
});
