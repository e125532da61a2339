import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, KEY, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const basic = (user: string, password = '') =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

async function status(authorization: string): Promise<number> {
  return (await gateway.ask('GET', '/sources', { headers: { authorization } })).status;
}

test('a key opens the API as bearer token and as user name', async () => {
  expect(await status(`Bearer ${KEY}`)).toBe(200);
  expect(await status(`bearer ${KEY}`)).toBe(200);
  expect(await status(basic(KEY))).toBe(200);
  const headers = { 'x-team-id': gateway.projectId, 'x-project-id': gateway.projectId };
  expect((await gateway.ask('GET', '/sources', { headers })).status).toBe(200);
});

test('anything else is a plain 401 that says how to come in, also where there is no route', async () => {
  for (const authorization of [
    '',
    'Bearer',
    'Bearer wrong',
    `Bearer ${KEY}x`,
    basic(''),
    basic('', KEY),
    KEY,
  ]) {
    expect(await status(authorization)).toBe(401);
  }
  const answer = await gateway.ask('GET', '/nonsense', { key: 'wrong' });
  expect(answer.status).toBe(401);
  expect(answer.text).toBe('Unauthorized');
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(answer.headers.get('www-authenticate')).toBe('Basic realm="sluice", Bearer');
});

test('a key that has expired opens nothing', async () => {
  await gateway.db.query({
    text: `insert into api_keys (id, project_id, label, hash, fingerprint, expires_at)
           values ('apk_1', $1, 'old', sha256('expired'), 'x', now() - interval '1 second')`,
    values: [gateway.projectId],
  });
  expect(await status('Bearer expired')).toBe(401);
});

test('health says what is up, readiness what is missing; neither asks for a key', async () => {
  const get = async (path: string, origin = gateway.origin) => {
    const response = await fetch(`${origin}${path}`);
    return { status: response.status, body: await response.json() };
  };
  expect(await get('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
  expect(await get('/readyz')).toEqual({ status: 200, body: { status: 'ready', missing: [] } });
  const lonely = await startGateway({
    ready: { postgresql: async () => {}, temporal: () => Promise.reject(new Error('refused')) },
  });
  try {
    expect(await get('/readyz', lonely.origin)).toEqual({
      status: 503,
      body: { status: 'not ready', missing: ['temporal'] },
    });
    expect((await get('/healthz', lonely.origin)).status).toBe(200);
  } finally {
    await lonely.close();
  }
});

test('the first page leads to the API, its description and the Temporal Web UI', async () => {
  const response = await fetch(`${gateway.origin}/`);
  const html = await response.text();
  expect(response.headers.get('content-type')).toMatch(/^text\/html/);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(html).toContain('href="http://gateway.test/openapi.json"');
  expect(html).toContain('href="http://temporal.test/namespaces/default/workflows?query=');
  expect(html).not.toMatch(/dashboard/i);
});
