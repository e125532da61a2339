import { gzipSync } from 'node:zlib';
import sql from 'sql-template-tag';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API_KEY, mac, startIngest, type Ingest } from './ingest.ts';

let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest.close());

const SECRET = 'the-secret';
const auth = { webhook_secret_key: SECRET };

test('a source may answer in its own words, and the URL in its', async () => {
  const config = { custom_response: { content_type: 'xml', body: '<ok/>' } };
  const id = await ingest.source('WEBHOOK', { config });
  const own = await ingest.sendTo(id, { body: '{}' });
  expect([own.status, own.headers.get('content-type'), own.text]).toEqual([
    200,
    'application/xml',
    '<ok/>',
  ]);
  const path = '?a=1&x-sluice-response%5Bjson%5D=%7B%22ok%22%3A1%7D&b=2';
  const wished = await ingest.sendTo(id, { path, body: '{}' });
  expect([wished.headers.get('content-type'), wished.text]).toEqual([
    'application/json',
    '{"ok":1}',
  ]);
  const empty = await ingest.sendTo(id, { path: '?x-hookdeck-response=null', body: '{}' });
  expect([empty.status, empty.text]).toEqual([200, '']);
});

test('no browser makes a page of an answer that somebody else chose', async () => {
  const id = await ingest.source('WEBHOOK');
  const page = '<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>';
  const path = `?x-sluice-allow-methods=get&x-sluice-response[xml]=${encodeURIComponent(page)}`;
  const { text, headers } = await ingest.sendTo(id, { method: 'GET', path });
  expect(text).toBe(page);
  expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
  expect(headers.get('x-content-type-options')).toBe('nosniff');
});

test('switches in the URL take effect, and are no part of what is kept', async () => {
  const id = await ingest.source('WEBHOOK');
  const query = 'a=1&x-sluice-allow-methods=GET,put&x-sluice-content-type=application/json&b=%20';
  expect((await ingest.sendTo(id, { method: 'GET', path: `?${query}` })).status).toBe(200);
  const sent = await ingest.sendTo(id, {
    method: 'PUT',
    path: `?${query}`,
    headers: { 'content-type': 'text/plain' },
    body: '{}',
  });
  const { rows } = await ingest.db.query<{ query: string; headers: [string, string][] }>(
    sql`select query, headers from request_data where id = ${sent.kept[0]!.id}`,
  );
  expect(rows[0]!.query).toBe('a=1&b=%20');
  const types = rows[0]!.headers.filter(([name]) => name.toLowerCase() === 'content-type');
  expect(types).toEqual([['content-type', 'application/json']]);
  const refused = await ingest.sendTo(id, { method: 'DELETE', path: `?${query}` });
  expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, PUT']);
});

describe('a compressed body', () => {
  const body = '{"id":"evt_1"}';
  const zipped = Uint8Array.from(gzipSync(body));

  test('is verified by what it says, and kept as it came', async () => {
    const id = await ingest.source('GITHUB', { auth });
    const signature = `sha256=${mac(body, { secret: SECRET })}`;
    const headers = { 'content-encoding': 'gzip', 'x-hub-signature-256': signature };
    const sent = await ingest.sendTo(id, { headers, body: zipped });
    expect(sent.kept).toMatchObject([{ verified: true }]);
    const { rows } = await ingest.db.query<{ body: Buffer }>(
      sql`select body from request_data where id = ${sent.kept[0]!.id}`,
    );
    expect(rows[0]!.body.equals(zipped)).toBe(true);
  });

  test('may ask the question of a handshake', async () => {
    const id = await ingest.source('SLACK', { auth });
    const question = Uint8Array.from(gzipSync('{"type":"url_verification","challenge":"c"}'));
    const headers = { 'content-encoding': 'gzip' };
    expect((await ingest.sendTo(id, { headers, body: question })).text).toBe('c');
  });

  test('that grows without end is refused', async () => {
    const id = await ingest.source('GITHUB', { auth });
    const bomb = Uint8Array.from(gzipSync(Buffer.alloc(30_000_000)));
    const headers = {
      'content-encoding': 'gzip',
      'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
    };
    const sent = await ingest.sendTo(id, { headers, body: bomb });
    expect(sent.kept).toMatchObject([{ rejection_detail: { reason: 'BODY_NOT_DECODABLE' } }]);
  });
});

describe('a source that is disabled', () => {
  const disable = async (id: string) => {
    await ingest.db.query(
      sql`update sources set disabled_at = now(), updated_at = now() where id = ${id}`,
    );
    await ingest.configuration.refresh();
  };

  test('answers as its provider wants it, and still tells a forged request from a real one', async () => {
    const id = await ingest.source('SLACK', { auth: { webhook_secret_key: SECRET } });
    await disable(id);
    const forged = await ingest.sendTo(id, { body: '{}' });
    expect([forged.status, forged.text]).toEqual([200, '']);
    expect(forged.kept).toMatchObject([
      { verified: false, rejection_cause: 'VERIFICATION_FAILED' },
    ]);
    const hub = await ingest.source('GITHUB', { auth });
    await disable(hub);
    const headers = { 'x-hub-signature-256': `sha256=${mac('{}', { secret: SECRET })}` };
    const real = await ingest.sendTo(hub, { headers, body: '{}' });
    expect(real.status).toBe(200);
    expect(real.kept).toMatchObject([{ verified: true, rejection_cause: 'SOURCE_DISABLED' }]);
  });
});

describe('the Publish API', () => {
  const headers = (id: string) => ({
    authorization: `Bearer ${API_KEY}`,
    'x-sluice-source-id': id,
  });

  test('answers its caller in the gateway’s words, whatever the provider of the source wants to hear', async () => {
    const id = await ingest.source('DISCORD', { auth: { public_key: '0'.repeat(64) } });
    const sent = await ingest.send('/v1/publish', {
      method: 'POST',
      headers: headers(id),
      body: '{}',
    });
    expect(JSON.parse(sent.text)).toMatchObject({ request_id: (await ingest.rowsOf(id))[0]!.id });
  });

  test('says which id or name is unknown, and which header is missing', async () => {
    const refusal = async (more: Record<string, string>) => {
      const { authorization } = headers('');
      const answer = await ingest.send('/v1/publish', {
        method: 'POST',
        headers: { authorization, ...more },
        body: '{}',
      });
      return JSON.parse(answer.text) as object;
    };
    expect(await refusal({ 'x-sluice-source-name': 'shpo' })).toMatchObject({
      code: 'UNPROCESSABLE_ENTITY',
      message:
        'No source of this project has the name "shpo". Correct the header x-sluice-source-name.',
      data: ['headers.x-sluice-source-name is unknown'],
    });
    expect(await refusal({ 'x-sluice-source-id': 'src_none' })).toMatchObject({
      data: ['headers.x-sluice-source-id is unknown'],
    });
    expect(await refusal({})).toMatchObject({
      data: ['headers.x-sluice-source-id is required'],
    });
  });

  test('a source of its type takes nothing at its address', async () => {
    const id = await ingest.source('PUBLISH_API');
    const sent = await ingest.sendTo(id, { body: '{}' });
    expect([sent.status, JSON.parse(sent.text)]).toMatchObject([401, { code: 'UNAUTHORIZED' }]);
    expect(sent.kept).toMatchObject([{ rejection_detail: { reason: 'WRONG_CREDENTIALS' } }]);
    expect(await ingest.waiting(id)).toEqual([]);
  });
});

test('a reason says what would mend it where that can be found out', async () => {
  const id = await ingest.source('GITHUB', { auth: { webhook_secret_key: `${SECRET}\n` } });
  const headers = { 'x-hub-signature-256': `sha256=${mac('{}', { secret: SECRET })}` };
  const sent = await ingest.sendTo(id, { headers, body: '{}' });
  expect(sent.kept).toMatchObject([{ rejection_detail: { reason: 'WRONG_SECRET_OR_BODY' } }]);
  expect(sent.kept[0]!.rejection_detail?.hint).toEqual(expect.any(String));
});
