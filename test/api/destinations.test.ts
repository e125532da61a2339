import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, type Json, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    checkUrl: async (url) =>
      url.includes('169.254') ? 'The destination is an address of this network.' : null,
  });
});
afterAll(() => gateway.close());

const url = 'https://example.com/hooks';

async function refusal(config: unknown, type = 'HTTP'): Promise<unknown> {
  const body = { name: 'refused', type, config };
  const answer = await gateway.ask('POST', '/destinations', { body });
  expect(answer.status).toBe(422);
  expect((await gateway.done('GET', '/destinations?name=refused'))['count']).toBe(0);
  return answer.body['data'];
}

test('a credential that no header can carry is refused when it is saved', async () => {
  const withAuth = (auth_type: string, auth: object) => refusal({ url, auth_type, auth });
  expect(await withAuth('BEARER_TOKEN', { token: 'a\nb' })).toEqual([
    expect.stringMatching(/^body\.config\.auth\.token must hold no line break/),
  ]);
  expect(await withAuth('API_KEY', { key: 'a b', api_key: 'k' })).toEqual([
    'body.config.auth.key must be the name of a header',
  ]);
  expect(await withAuth('API_KEY', { key: 'Host', api_key: 'k' })).toEqual([
    'body.config.auth.key must not be a header that HTTP itself needs, such as host',
  ]);
  const auth = { key: 'a b', api_key: 'k', to: 'query' };
  const config = { url, auth_type: 'API_KEY', auth };
  await gateway.done('POST', '/destinations', { name: 'by-query', config });
});

test.each([
  'Webhook-Signature',
  'webhook-id',
  'X-Sluice-Signature',
  'webhook_signature',
  'idempotency-key',
  'content-type',
  'accept-encoding',
])('a credential cannot take the place of the header %s', async (key) => {
  const auths = [
    { auth_type: 'CUSTOM_SIGNATURE', auth: { key, signing_secret: 's' } },
    { auth_type: 'API_KEY', auth: { key, api_key: 'k' } },
  ];
  for (const auth of auths) {
    expect(await refusal({ url, ...auth })).toEqual([
      `body.config.auth.key must not be ${key.toLowerCase()}, which deliveries need for something else: choose another name, such as x-my-signature`,
    ]);
  }
  const auth = { key, api_key: 'k', to: 'query' };
  const config = { url, auth_type: 'API_KEY', auth };
  await gateway.done('PUT', '/destinations', { name: 'by-query', config });
  const answer = await gateway.ask('PUT', '/destinations', {
    body: { name: 'by-query', config: { auth: { key, api_key: 'k' } } },
  });
  expect(answer.status).toBe(422);
});

test('a destination saved with a reserved header before can be changed and saved again as it is', async () => {
  const auth = { key: 'X-Own', signing_secret: 's' };
  const made = await gateway.done('POST', '/destinations', {
    name: 'reserved',
    config: { url, auth_type: 'CUSTOM_SIGNATURE', auth },
  });
  const id = String(made['id']);
  const old = { ...auth, key: 'webhook-signature' };
  const { sealer } = gateway.deps;
  const sealed = sealer.seal(old, `${gateway.projectId}/destinations/${id}`);
  const text = 'update destinations set auth = $1 where id = $2';
  await gateway.db.query({ text, values: [sealed, id] });
  const path = `/destinations/${id}`;
  await gateway.done('PUT', path, { description: 'old' });
  await gateway.done('PUT', path, { config: { auth: { ...old, signing_secret: 'new' } } });
  const shown = await gateway.done('GET', `${path}?include=config.auth`);
  expect(shown['config']).toMatchObject({ auth: { key: 'webhook-signature' } });
  const other = { config: { auth: { ...old, key: 'webhook-id' } } };
  expect((await gateway.ask('PUT', path, { body: other })).status).toBe(422);
});

test('a destination says which internal headers its deliveries carry', async () => {
  expect(await refusal({ url, internal_headers: ['source_ip'] })).toEqual([
    'body.config.internal_headers[0] must be one of event_url, original_ip, connection_name, destination_name',
  ]);
  const config = { url, internal_headers: ['event_url', 'original_ip'] };
  const body = { name: 'frank', config };
  expect((await gateway.done('POST', '/destinations', body))['config']).toEqual(config);
  const none = await gateway.done('PUT', '/destinations', {
    name: 'frank',
    config: { internal_headers: null },
  });
  expect(none['config']).toEqual({ url });
});

test('a destination is made, changed, disabled, enabled and deleted', async () => {
  const policy = {
    rate: 5,
    period: 'minute',
    groups: {
      key: 'body.customer_id',
      rate: 1,
      rate_period: 'second',
      overrides: { big: { rate: 100, rate_period: 'hour' } },
    },
  };
  const config = { url, delivery_policy: policy, delivery_timeout: 30, http_method: 'PUT' };
  const made = await gateway.done('POST', '/destinations', { name: 'billing', config });
  expect(made).toMatchObject({ type: 'HTTP', name: 'billing', config, paused_at: null });
  const path = `/destinations/${String(made['id'])}`;
  const changed = await gateway.done('PUT', path, {
    name: 'ledger',
    config: { delivery_policy: null, path_forwarding_disabled: true },
  });
  expect(changed['name']).toBe('ledger');
  expect(changed['config']).toEqual({
    url,
    delivery_timeout: 30,
    http_method: 'PUT',
    path_forwarding_disabled: true,
  });
  expect((await gateway.done('PUT', `${path}/disable`))['disabled_at']).not.toBeNull();
  expect((await gateway.done('PUT', `${path}/unarchive`))['disabled_at']).toBeNull();
  expect((await gateway.done('PUT', `${path}/archive`))['disabled_at']).not.toBeNull();
  expect((await gateway.done('PUT', `${path}/enable`))['disabled_at']).toBeNull();
  expect(await gateway.done('GET', '/destinations/count?name=ledger')).toEqual({ count: 1 });
  await gateway.done('DELETE', path);
  expect((await gateway.ask('GET', path)).status).toBe(410);
  expect((await gateway.ask('PUT', path, { body: {} })).status).toBe(410);
});

test('deleting a destination deletes its connections', async () => {
  const connection = await gateway.done('POST', '/connections', {
    name: 'c',
    source: { name: 's' },
    destination: { name: 'short-lived', config: { url } },
  });
  await gateway.done(
    'DELETE',
    `/destinations/${String((connection['destination'] as Json)['id'])}`,
  );
  expect((await gateway.ask('GET', `/connections/${String(connection['id'])}`)).status).toBe(410);
});

test('each type has its own fields', async () => {
  expect(await refusal({})).toEqual(['body.config.url is required']);
  expect(await refusal({ url, path: '/x' })).toEqual(['body.config.path is not a known field']);
  expect(await refusal({ url }, 'MOCK_API')).toEqual(['body.config.url is not for type MOCK_API']);
  expect(
    await gateway.done('POST', '/destinations', { name: 'mock', type: 'MOCK_API' }),
  ).toMatchObject({
    config: {},
  });
});

test('type CLI is refused with what to use instead, until there are clients for it', async () => {
  const sentence =
    'body.type cannot be CLI yet: there is no command-line client to deliver to. Use HTTP with a url, or MOCK_API';
  expect(await refusal({}, 'CLI')).toEqual([sentence]);
  const body = { source: { name: 's' }, destination: { name: 'refused', type: 'CLI' } };
  const inside = await gateway.ask('POST', '/connections', { body });
  expect(inside.body['data']).toEqual([sentence.replace('body.', 'body.destination.')]);
  expect(await refusal({}, 'FAX')).toEqual(['body.type must be one of HTTP, MOCK_API']);
});

test('every wrong field of a configuration is named with its path', async () => {
  expect(await refusal({ url: 'ftp://example.com' })).toEqual([
    'body.config.url must be an http or https URL without a user name and password',
  ]);
  expect(await refusal({ url: 'https://u:p@example.com' })).toHaveLength(1);
  expect(await refusal({ url: 'http://169.254.169.254/' })).toEqual([
    'body.config.url is refused: the destination is an address of this network',
  ]);
  expect(await refusal({ url, delivery_timeout: 0, colour: 'red' })).toEqual([
    'body.config.delivery_timeout must be 1 second or more',
    'body.config.colour is not a known field',
  ]);
  expect(await refusal({ url, delivery_policy: { rate: 0, period: 'day' } })).toEqual([
    'body.config.delivery_policy.rate must be 1 or more',
    'body.config.delivery_policy.period must be one of second, minute, hour, concurrent',
  ]);
  expect(
    await refusal({ url, delivery_policy: { groups: { rate: 1, rate_period: 'second' } } }),
  ).toEqual(['body.config.delivery_policy.groups.key is required']);
  expect(
    await refusal({
      url,
      delivery_policy: { groups: { key: 'customer', rate: 1, rate_period: 'day' } },
    }),
  ).toEqual([
    'body.config.delivery_policy.groups.key must be headers, body, query or path, followed by names joined by dots, as in body.customer_id',
    'body.config.delivery_policy.groups.rate_period must be one of second, minute, hour, concurrent',
  ]);
});

test('authentication is given as a whole: a type with the fields of that type', async () => {
  expect(await refusal({ url, auth_type: 'BEARER_TOKEN' })).toEqual([
    'body.config.auth is required',
  ]);
  expect(await refusal({ url, auth: { token: 't' } })).toEqual([
    'body.config.auth_type is required',
  ]);
  expect(
    await refusal({ url, auth_type: 'BASIC_AUTH', auth: { username: 'u', token: 't' } }),
  ).toEqual([
    'body.config.auth.password is required',
    'body.config.auth.token is not a known field',
  ]);
  const made = await gateway.done('POST', '/destinations', {
    name: 'with-token',
    config: { url, auth_type: 'BEARER_TOKEN', auth: { token: 'sesame' } },
  });
  expect(made['config']).toEqual({ url, auth_type: 'BEARER_TOKEN' });
  const path = `/destinations/${String(made['id'])}`;
  const shown = await gateway.done('GET', `${path}?include=config.auth`);
  expect(shown['config']).toMatchObject({ auth: { token: 'sesame' } });
  const other = { config: { auth_type: 'HOOKDECK_SIGNATURE' } };
  expect((await gateway.ask('PUT', path, { body: other })).body['data']).toEqual([
    'body.config.auth is required',
  ]);
  await gateway.done('PUT', path, { config: { auth: null } });
  expect((await gateway.done('GET', `${path}?include=config.auth`))['config']).toEqual({ url });
});

test('pause and its reason are handed on, and so are unpause and resume', async () => {
  const { id } = await gateway.done('PUT', '/destinations', { name: 'gate', config: { url } });
  const path = `/destinations/${String(id)}`;
  await gateway.done('PUT', `${path}/pause`, { reason: 'maintenance' });
  await gateway.done('PUT', `${path}/pause`);
  await gateway.done('PUT', `${path}/unpause`);
  await gateway.done('PUT', `${path}/resume`);
  const order = { projectId: gateway.projectId, gate: { kind: 'destination', id } };
  expect(gateway.heard.slice(-4)).toEqual([
    ['pause', { ...order, reason: 'maintenance' }],
    ['pause', { ...order, reason: null }],
    ['resume', order],
    ['resume', order],
  ]);
  const wrong = await gateway.ask('PUT', `${path}/pause`, { body: { why: 'x' } });
  expect(wrong.body['data']).toEqual(['body.why is not a known field']);
  expect((await gateway.ask('PUT', '/destinations/des_00000000000000000000/pause')).status).toBe(
    404,
  );
});
