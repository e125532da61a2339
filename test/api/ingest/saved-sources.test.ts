import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { validateSource } from '../../../src/processes/verification.ts';
import { sourceTypeNames } from '../../../src/verification/source-types.ts';
import { startGateway, type Gateway, type Json } from '../gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    validateSourceConfig: validateSource,
    sourceTypes: sourceTypeNames,
  });
});
afterAll(() => gateway.close());

let names = 0;
const make = (config: Json, type = 'WEBHOOK') =>
  gateway.ask('POST', '/sources', { body: { name: `source-${names++}`, type, config } });
const schema = (json_schema: unknown, mode = 'reject') => ({ schema: { json_schema, mode } });

describe('a setting comes back as it was saved', () => {
  test.each<[string, Json]>([
    ['what unverified requests are answered', { unverified_status: 401 }],
    ['no idempotency key', { idempotency_key: false }],
    ['a schema', schema({ type: 'object', required: ['id'] })],
    ['a custom response', { custom_response: { content_type: 'json', body: '{"ok":true}' } }],
  ])('%s', async (_what, config) => {
    const made = await make(config);
    expect(made.status).toBe(200);
    const shown = await gateway.done('GET', `/sources/${String(made.body['id'])}`);
    expect(shown['config']).toMatchObject(config);
  });
});

describe('a wrong one is a 422 that names the field', () => {
  test.each<[Json, string]>([
    [{ unverified_status: 403 }, 'config.unverified_status'],
    [{ idempotency_key: 'nowhere' }, 'config.idempotency_key'],
    [{ idempotency_key: true }, 'config.idempotency_key'],
    [schema({ type: 'object' }, 'maybe'), 'config.schema.mode'],
    [{ schema: { mode: 'warn' } }, 'config.schema.json_schema'],
    [schema('a string'), 'config.schema.json_schema'],
    [schema({ type: 'nope' }), 'config.schema.json_schema.type'],
    [
      schema({ properties: { a: { pattern: '(?=x)' } } }),
      'config.schema.json_schema.properties.a.pattern',
    ],
    [schema({ $ref: 'https://example.com/' }), 'config.schema.json_schema.$ref'],
    [schema({ uniqueItems: true }), 'config.schema.json_schema.uniqueItems'],
    [schema({ description: 'x'.repeat(70_000) }), 'config.schema.json_schema'],
    [{ custom_response: { content_type: 'json', body: '{' } }, 'config.custom_response.body'],
    [
      { custom_response: { content_type: 'text', body: 'x'.repeat(1_001) } },
      'config.custom_response.body',
    ],
  ])('%j', async (config, path) => {
    const answer = await make(config);
    expect(answer.status).toBe(422);
    expect(answer.text).toContain(path);
  });

  test.each([
    ['STRIPE', { auth: { webhook_secret_key: '' } }, 'auth.webhook_secret_key'],
    ['ADYEN', { auth: { webhook_secret_key: 'no hex' } }, 'auth.webhook_secret_key'],
    ['GOOGLE_PUBSUB', { auth: { audience: 'a' } }, 'auth.service_account_email'],
    ['WEBHOOK', { auth: { api_key: 'k' } }, 'auth_type'],
  ])('%s %j', async (type, config, path) => {
    const answer = await make(config, type);
    expect(answer.status).toBe(422);
    expect(answer.text).toContain(`config.${path}`);
  });
});

test('OpenAPI shows what unverified requests are answered, the switch for repeats, and the schema check', () => {
  const schemas = (gateway.document as unknown as { components: { schemas: Record<string, Json> } })
    .components.schemas;
  const { properties } = schemas['SourceConfig'] as { properties: Json };
  expect(JSON.stringify(properties['unverified_status'])).toMatch(/200.*401/);
  expect(JSON.stringify(properties['idempotency_key'])).toContain('false');
  expect(JSON.stringify(properties['schema'])).toMatch(/json_schema.*reject.*warn/);
});
