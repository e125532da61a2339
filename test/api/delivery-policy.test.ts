import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, type Json, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const url = 'https://example.com/hooks';

async function refusal(config: object): Promise<unknown> {
  const body = { name: 'refused', config: { url, ...config } };
  const answer = await gateway.ask('POST', '/destinations', { body });
  expect(answer.status).toBe(422);
  return answer.body['data'];
}

test('the older names of the rate limit become a delivery policy', async () => {
  const made = await gateway.done('PUT', '/destinations', {
    name: 'older',
    config: { url, rate_limit: 4, rate_limit_period: 'minute' },
  });
  expect(made['config']).toEqual({ url, delivery_policy: { rate: 4, period: 'minute' } });
  const second = await gateway.done('PUT', '/destinations', {
    name: 'older',
    config: { rate_limit: 9 },
  });
  expect(second['config']).toEqual({ url, delivery_policy: { rate: 9, period: 'second' } });
  const none = await gateway.done('PUT', '/destinations', {
    name: 'older',
    config: { rate_limit: null },
  });
  expect(none['id']).toBe(made['id']);
  expect(none['config']).toEqual({ url });
});

test('a delivery policy takes a rate and a limit of open requests together', async () => {
  const groups = {
    key: 'body.customer_id',
    concurrent: 1,
    overrides: { big: { rate: 10, rate_period: 'second', concurrent: 4 } },
  };
  const policy = { rate: 20, period: 'second', concurrent: 2, groups };
  const made = await gateway.done('POST', '/destinations', {
    name: 'both',
    config: { url, delivery_policy: policy },
  });
  expect((made['config'] as Json)['delivery_policy']).toEqual(policy);
  const path = `/destinations/${String(made['id'])}`;
  const few = await gateway.done('PUT', path, { config: { delivery_policy: { concurrent: 3 } } });
  expect((few['config'] as Json)['delivery_policy']).toEqual({ concurrent: 3 });
});

test('what contradicts itself in a delivery policy is refused, with the field to change', async () => {
  const refused = (delivery_policy: object) => refusal({ delivery_policy });
  const twice =
    'limits what rate with the period concurrent already limits: leave it out, or choose the period second, minute or hour';
  const field = 'body.config.delivery_policy';
  expect(await refused({ rate: 2, period: 'concurrent', concurrent: 3 })).toEqual([
    `${field}.concurrent ${twice}`,
  ]);
  expect(await refused({ rate: 2, concurrent: 0 })).toEqual([
    `${field}.concurrent must be 1 or more`,
  ]);
  const overrides = {
    none: {},
    half: { rate: 1 },
    other: { rate_period: 'second', concurrent: 2 },
    twice: { rate: 2, rate_period: 'concurrent', concurrent: 2 },
  };
  expect(await refused({ groups: { key: 'body.id', concurrent: 1, overrides } })).toEqual([
    `${field}.groups.overrides.none.rate is required unless concurrent is given`,
    `${field}.groups.overrides.half.rate_period is required`,
    `${field}.groups.overrides.other.rate is required with rate_period`,
    `${field}.groups.overrides.twice.concurrent ${twice}`,
  ]);
  expect(await refused({ groups: { key: 'body.id' } })).toEqual([
    `${field}.groups.rate is required unless concurrent is given`,
  ]);
  expect(await refusal({ rate_limit: 3, delivery_policy: { concurrent: 2 } })).toEqual([
    'body.config.rate_limit cannot be used beside delivery_policy: write it there, as rate',
  ]);
});

test('a delivery policy that limits nothing is refused, and null removes the policy', async () => {
  const field = 'body.config.delivery_policy';
  const nothing = 'limits nothing: give it rate, concurrent or groups, or null to remove it';
  for (const empty of [{}, { concurrent: null }, { rate: null, groups: null }]) {
    expect(await refusal({ delivery_policy: empty })).toEqual([`${field} ${nothing}`]);
  }
  for (const rateless of [
    { period: 'minute' },
    { period: 'second', concurrent: 3 },
    { rate: null, period: 'hour', groups: { key: 'body.id', concurrent: 1 } },
  ]) {
    expect(await refusal({ delivery_policy: rateless })).toEqual([
      `${field}.rate is required with period`,
    ]);
  }
  const put = (delivery_policy: object | null) =>
    gateway.done('PUT', '/destinations', { name: 'whole', config: { url, delivery_policy } });
  const groups = { key: 'body.id', concurrent: 1 };
  expect((await put({ groups }))['config']).toEqual({ url, delivery_policy: { groups } });
  expect((await put({ concurrent: 3 }))['config']).toEqual({
    url,
    delivery_policy: { concurrent: 3 },
  });
  expect((await put(null))['config']).toEqual({ url });
});

test('a stored delivery policy that would be refused today is shown and kept by other changes', async () => {
  const made = await gateway.done('POST', '/destinations', { name: 'old-policy', config: { url } });
  const stored = { url, delivery_policy: { period: 'minute' } };
  await gateway.db.query({
    text: 'update destinations set config = $2 where id = $1',
    values: [made['id'], stored],
  });
  const path = `/destinations/${String(made['id'])}`;
  expect((await gateway.done('GET', path))['config']).toEqual(stored);
  const changed = await gateway.done('PUT', path, { config: { delivery_timeout: 5 } });
  expect(changed['config']).toEqual({ ...stored, delivery_timeout: 5 });
});

test('the document says that a new delivery policy replaces the whole of the old one', () => {
  const { schemas } = gateway.document.components as { schemas: Record<string, Json> };
  for (const name of ['DestinationConfig', 'DestinationConfigInput']) {
    const { delivery_policy: policy } = schemas[name]!['properties'] as Record<string, Json>;
    expect(policy!['description']).toContain('replace the policy as a whole');
  }
});
