import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SourceType } from '../../../src/verification/source-types.ts';
import { API_KEY, startIngest, type Ingest } from './ingest.ts';

let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest.close());

const ORDER = {
  type: 'object',
  required: ['id'],
  properties: {
    id: { type: 'string', pattern: '^ord_[0-9]+$' },
    lines: { type: 'array', items: { type: 'object', properties: { n: { type: 'integer' } } } },
  },
};
const schemaOf = (mode: string, json_schema: unknown = ORDER) => ({
  schema: { json_schema, mode },
});
const GOOD = '{"id":"ord_1","lines":[{"n":1}]}';
const BAD = '{"id":"x","lines":[{"n":1},{"n":"2"}]}';
const JSON_TYPE = { 'content-type': 'application/json' };

test('a body as its schema says is accepted', async () => {
  const id = await ingest.source('WEBHOOK', { config: schemaOf('reject') });
  const sent = await ingest.sendTo(id, { headers: JSON_TYPE, body: GOOD });
  expect(sent.kept).toMatchObject([{ rejection_cause: null, rejection_detail: null }]);
});

test('reject: another one is kept with every place and rule, and goes no further', async () => {
  const id = await ingest.source('WEBHOOK', { config: schemaOf('reject') });
  const sent = await ingest.sendTo(id, { headers: JSON_TYPE, body: BAD });
  expect(sent.status).toBe(200);
  expect(sent.kept).toMatchObject([
    {
      rejection_cause: 'SCHEMA_VIOLATION',
      rejection_detail: {
        reason: 'SCHEMA_VIOLATION',
        hint: 'body.id must match pattern "^ord_[0-9]+$"',
        violations: [
          { path: 'body.id', rule: 'pattern' },
          { path: 'body.lines[1].n', rule: 'type', message: 'must be integer' },
        ],
      },
    },
  ]);
  expect(await ingest.waiting(id)).toEqual([]);
});

test('warn: it is accepted, and only marked', async () => {
  const id = await ingest.source('WEBHOOK', { config: schemaOf('warn') });
  const sent = await ingest.sendTo(id, { headers: JSON_TYPE, body: BAD });
  expect(sent.kept).toMatchObject([
    { rejection_cause: null, rejection_detail: { reason: 'SCHEMA_VIOLATION' } },
  ]);
  expect(await ingest.waiting(id)).toEqual([sent.kept[0]!.id]);
});

describe('who is told', () => {
  const key = { api_key: 'k' };
  const headers = { ...JSON_TYPE, 'x-api-key': 'k' };
  const by = { auth_type: 'API_KEY' };

  test.each<[string, SourceType, object, object | undefined, number]>([
    ['a sender of one’s own', 'WEBHOOK', by, key, 422],
    ['one that is to hear 200', 'WEBHOOK', { ...by, unverified_status: 200 }, key, 200],
    ['anybody, where nothing is verified', 'WEBHOOK', {}, undefined, 200],
    ['a provider', 'ETHOCA', {}, undefined, 200],
    ['a provider whose source says 401', 'ETHOCA', { unverified_status: 401 }, undefined, 422],
  ])('%s', async (_who, type, config, auth, status) => {
    const options = { config: { ...schemaOf('reject'), ...config }, ...(auth && { auth }) };
    const id = await ingest.source(type, options);
    const sent = await ingest.sendTo(id, { headers, body: BAD });
    expect(sent.status).toBe(status);
    expect(sent.kept).toMatchObject([{ rejection_cause: 'SCHEMA_VIOLATION' }]);
  });

  test('who publishes, with the violations', async () => {
    const id = await ingest.source('PUBLISH_API', { config: schemaOf('reject') });
    const sent = await ingest.send('/v1/publish', {
      method: 'POST',
      headers: { ...JSON_TYPE, authorization: `Bearer ${API_KEY}`, 'x-sluice-source-id': id },
      body: BAD,
    });
    expect(sent.status).toBe(422);
    expect(JSON.parse(sent.text)).toMatchObject({
      code: 'UNPROCESSABLE_ENTITY',
      data: [{ path: 'body.id' }, { path: 'body.lines[1].n' }],
    });
  });
});

test('an unverified body is not looked at', async () => {
  const id = await ingest.source('GITHUB', {
    auth: { webhook_secret_key: 's' },
    config: schemaOf('reject'),
  });
  const sent = await ingest.sendTo(id, { headers: JSON_TYPE, body: BAD });
  expect(sent.kept).toMatchObject([{ rejection_cause: 'VERIFICATION_FAILED' }]);
});

test('a rejected body claims no key: the corrected one with the same key is taken', async () => {
  const config = { ...schemaOf('reject'), idempotency_key: 'headers.x-key' };
  const id = await ingest.source('WEBHOOK', { config });
  const headers = { ...JSON_TYPE, 'x-key': 'k-1' };
  await ingest.sendTo(id, { headers, body: BAD });
  const sent = await ingest.sendTo(id, { headers, body: GOOD });
  expect(sent.kept).toMatchObject([{ rejection_cause: null }]);
});

test.each([
  ['text', { 'content-type': 'text/plain' }, 'hello', 'SCHEMA_VIOLATION'],
  ['nothing', {}, '', 'SCHEMA_VIOLATION'],
  ['broken JSON', JSON_TYPE, '{"id":', 'SCHEMA_VIOLATION'],
  ['bytes', { 'content-type': 'application/octet-stream' }, '\0\x01', 'SCHEMA_VIOLATION'],
  ['JSON as text', { 'content-type': 'text/plain' }, GOOD, null],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'id=ord_1', null],
  [
    'a wrong form',
    { 'content-type': 'application/x-www-form-urlencoded' },
    'id=1',
    'SCHEMA_VIOLATION',
  ],
  ['compressed JSON', { ...JSON_TYPE, 'content-encoding': 'gzip' }, gzipSync(GOOD), null],
  [
    'compressed wrong JSON',
    { ...JSON_TYPE, 'content-encoding': 'gzip' },
    gzipSync(BAD),
    'SCHEMA_VIOLATION',
  ],
])('a body that is %s', async (_what, headers, body, cause) => {
  const id = await ingest.source('WEBHOOK', { config: schemaOf('reject') });
  const bytes = typeof body === 'string' ? body : Uint8Array.from(body);
  const sent = await ingest.sendTo(id, { headers, body: bytes });
  expect(sent.kept).toMatchObject([{ rejection_cause: cause }]);
});

test('a body above 1 MiB is taken unchecked', async () => {
  const id = await ingest.source('WEBHOOK', { config: schemaOf('reject') });
  const pad = (bytes: number) => JSON.stringify({ id: 'x', pad: 'x'.repeat(bytes) });
  const large = await ingest.sendTo(id, { headers: JSON_TYPE, body: pad(1_048_576) });
  expect(large.kept).toMatchObject([{ rejection_cause: null }]);
  const smaller = await ingest.sendTo(id, { headers: JSON_TYPE, body: pad(1_000_000) });
  expect(smaller.kept).toMatchObject([{ rejection_cause: 'SCHEMA_VIOLATION' }]);
});

test('a change of the schema holds for the next request', async () => {
  const id = await ingest.source('WEBHOOK', { config: schemaOf('reject') });
  expect((await ingest.sendTo(id, { body: BAD })).kept).toMatchObject([
    { rejection_cause: 'SCHEMA_VIOLATION' },
  ]);
  await ingest.db.query({
    text: `update sources set config = $1, updated_at = now() where id = $2`,
    values: [schemaOf('reject', true), id],
  });
  await ingest.configuration.refresh();
  expect((await ingest.sendTo(id, { body: BAD })).kept).toMatchObject([{ rejection_cause: null }]);
});
