import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, type Json, startGateway } from './gateway.ts';
import { arrive, makeEvent } from './history.ts';

type Secret = { secret: string; not_after: string | null };
type Shown = { models: Secret[]; shared: boolean };

let gateway: Gateway;
let number = 0;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const config = { url: 'https://example.com/hooks' };
const pathOf = (id: string) => `/destinations/${id}/signing-secrets`;
const shown = async (id: string) => (await gateway.done('GET', pathOf(id))) as Shown;
const rotate = async (id: string, body?: object) =>
  (await gateway.done('POST', `${pathOf(id)}/rotate`, body)) as Shown;
const sharedSecrets = async () =>
  ((await gateway.done('GET', '/signing-secrets')) as unknown as Shown).models;

async function made(): Promise<string> {
  number += 1;
  const body = { name: `made-${number}`, config };
  return String((await gateway.done('POST', '/destinations', body))['id']);
}

/** A destination as an older version left it. */
async function older(): Promise<string> {
  const id = await made();
  const text = 'update destinations set signing_secrets = null where id = $1';
  await gateway.db.query({ text, values: [id] });
  return id;
}

const secretsOf = ({ models }: Shown) => models.map(({ secret }) => secret);

test('every new destination has a secret of its own, however it is made', async () => {
  const connected = async (method: string, name: string) => {
    const body = { name, source: { name }, destination: { name, config } };
    return String(
      ((await gateway.done(method, '/connections', body))['destination'] as Json)['id'],
    );
  };
  const upserted = await gateway.done('PUT', '/destinations', { name: 'upserted', config });
  const mock = await gateway.done('POST', '/destinations', { name: 'mock', type: 'MOCK_API' });
  const ids = [
    await made(),
    String(upserted['id']),
    String(mock['id']),
    await connected('POST', 'inline-new'),
    await connected('PUT', 'inline-upserted'),
  ];
  const all = await Promise.all(ids.map(shown));
  for (const one of all) {
    const model = { secret: expect.stringMatching(/^whsec_.{44}$/), not_after: null };
    expect(one).toEqual({ models: [model], shared: false });
  }
  const secrets = [...all.flatMap(secretsOf), ...(await sharedSecrets()).map((one) => one.secret)];
  expect(new Set(secrets).size).toBe(ids.length + 1);
});

test('a change of a destination keeps its secret', async () => {
  const id = await made();
  const before = await shown(id);
  await gateway.done('PUT', `/destinations/${id}`, {
    name: 'renamed',
    config: { http_method: 'PUT' },
  });
  await gateway.done('PUT', '/destinations', { name: 'renamed', config, description: 'again' });
  await gateway.done('PUT', `/destinations/${id}/disable`);
  await gateway.done('PUT', `/destinations/${id}/enable`);
  expect(await shown(id)).toEqual(before);
});

test('a rotated secret takes the first place, and the previous one is used beside it for a while', async () => {
  const [id, other] = [await made(), await made()];
  const [old, others] = [await shown(id), await shown(other)];
  const rotated = await rotate(id, { old_valid_hours: 1 });
  expect(rotated.models).toEqual([
    { secret: expect.stringMatching(/^whsec_.{44}$/), not_after: null },
    { secret: old.models[0]!.secret, not_after: expect.any(String) },
  ]);
  const leftMs = Date.parse(rotated.models[1]!.not_after!) - Date.now();
  expect(leftMs).toBeGreaterThan(3_500_000);
  expect(leftMs).toBeLessThanOrEqual(3_600_000);
  expect(await shown(id)).toEqual(rotated);
  expect(await shown(other)).toEqual(others);

  for (let n = 0; n < 3; n++) await rotate(id);
  expect((await shown(id)).models).toHaveLength(3);
  const [last] = (await shown(id)).models;
  const { models } = await rotate(id, { old_valid_hours: 0 });
  expect(models).toHaveLength(1);
  expect(models[0]!.secret).not.toBe(last!.secret);
});

test('a destination of before has the shared secrets until it is rotated, and then beside its own for a while', async () => {
  const [id, other, abrupt] = [await older(), await older(), await older()];
  const shared = await sharedSecrets();
  expect(await shown(id)).toEqual({ models: shared, shared: true });

  const rotated = await rotate(id);
  expect(rotated.shared).toBe(false);
  expect(secretsOf(rotated)).toEqual([expect.any(String), shared[0]!.secret]);
  expect(secretsOf(rotated)[0]).not.toBe(shared[0]!.secret);
  expect(secretsOf(await rotate(abrupt, { old_valid_hours: 0 }))).toHaveLength(1);
  expect(await sharedSecrets()).toEqual(shared);

  await gateway.done('POST', '/signing-secrets/rotate');
  expect(await shown(other)).toEqual({ models: await sharedSecrets(), shared: true });
  expect(await shown(id)).toEqual(rotated);
});

test('secrets are sealed where they are kept, and shown by their own routes alone', async () => {
  const id = await made();
  const [secret] = secretsOf(await rotate(id));
  const text = 'select signing_secrets from destinations where id = $1';
  const { rows } = await gateway.db.query<{ signing_secrets: Buffer }>({ text, values: [id] });
  expect(rows[0]!.signing_secrets.toString('latin1')).not.toContain(secret!.slice(6, 20));
  const views = [`/destinations/${id}?include=config.auth`, '/destinations', '/connections'];
  for (const view of views) {
    expect((await gateway.ask('GET', view)).text).not.toContain('whsec_');
  }
  expect((await gateway.ask('GET', pathOf(id))).text).toContain(secret);
  expect(JSON.stringify(gateway.heard)).not.toContain('whsec_');
});

test('an event shows the headers that its destination asks for, and no signature', async () => {
  const connection = await gateway.done('POST', '/connections', {
    name: 'shown',
    source: { name: 'shown' },
    destination: { name: 'shown', config },
  });
  const idOf = (end: string) => String((connection[end] as Json)['id']);
  const [sourceId, destinationId] = [idOf('source'), idOf('destination')];
  const { db, projectId } = gateway;
  const requestId = await arrive(db, { projectId, sourceId, body: '{"id": 7}' });
  const ends = { projectId, sourceId, destinationId, connectionId: String(connection['id']) };
  const id = await makeEvent(db, { ...ends, requestId, status: 'FAILED' });

  const data = (await gateway.done('GET', `/events/${id}`))['data'] as Json;
  const headers = data['headers'] as Record<string, string>;
  expect(headers).toHaveProperty('webhook-id', id);
  expect(headers).not.toHaveProperty('webhook-signature');
  expect(headers).not.toHaveProperty('x-sluice-event-url');

  const wanted = { internal_headers: ['event_url', 'connection_name'] };
  await gateway.done('PUT', `/destinations/${destinationId}`, { config: wanted });
  const next = (await gateway.done('GET', `/events/${id}`))['data'] as Json;
  expect(next['headers']).toMatchObject({
    'x-sluice-event-url': `http://gateway.test/2026-09-01/events/${id}`,
    'x-sluice-connection-name': 'shown',
  });
  expect(next['headers']).not.toHaveProperty('x-sluice-destination-name');
});

test('a rotation that asks for something else, or of a destination that is not there, changes nothing', async () => {
  const id = await made();
  const before = await shown(id);
  for (const body of [{ old_valid_hours: -1 }, { old_valid_hours: 721 }, { other: 1 }]) {
    expect((await gateway.ask('POST', `${pathOf(id)}/rotate`, { body })).status).toBe(422);
  }
  expect(await shown(id)).toEqual(before);
  const nobody = pathOf('des_00000000000000000000');
  expect((await gateway.ask('POST', `${nobody}/rotate`)).status).toBe(404);
  await gateway.done('DELETE', `/destinations/${id}`);
  expect((await gateway.ask('GET', pathOf(id))).status).toBe(410);
  expect((await gateway.ask('POST', `${pathOf(id)}/rotate`)).status).toBe(410);
});
