import { createHmac, randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import sql from 'sql-template-tag';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pass } from '../../../src/api/ingest/gate.ts';
import { MOST_DECODED_BYTES, withDecodedBody } from '../../../src/verification/decoding.ts';
import { gateOf } from '../../../src/verification/source-gate.ts';
import { ticksDuring } from '../../verification/ticks.ts';
import { API_KEY, NO_KEYS, PUBLIC_URL, startIngest, type Ingest } from './ingest.ts';
import { createVerdicts } from '../../activities/verdicts.ts';
import { claim } from '../../db/rows.ts';

const SECRET = 'the secret of the tests';
const auth = { webhook_secret_key: SECRET };
const hex = (bytes: Uint8Array) => createHmac('sha256', SECRET).update(bytes).digest('hex');
const forged = { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` };

/** JSON that compresses to more than is decoded on the spot. */
const large = Buffer.from(
  JSON.stringify({ id: 'evt_1', noise: randomBytes(30_000).toString('hex') }),
);
const zipped = gzipSync(large);
/** Just within the caps: a hundredfold, 20 MiB. */
const bomb = gzipSync(
  Buffer.concat([randomBytes(MOST_DECODED_BYTES / 99), Buffer.alloc(MOST_DECODED_BYTES * 0.98)]),
);
const gzip = { 'content-encoding': 'gzip' };

let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest.close());

const send = (body: Buffer, headers: Record<string, string>) => ({
  headers: { ...gzip, ...headers },
  body: new Uint8Array(body),
});

function arrived(body: Buffer, headers: Record<string, string>) {
  return withDecodedBody({
    method: 'POST',
    url: `${PUBLIC_URL}/in/x`,
    path: '',
    rawQuery: '',
    headers: Object.entries({ ...gzip, ...headers }),
    body,
    receivedAtMs: Date.now(),
  });
}

describe('a large compressed body', () => {
  test('is verified over what is inside, or over the wire, as its provider signs it', async () => {
    const github = await ingest.source('GITHUB', { auth });
    const inside = { 'x-hub-signature-256': `sha256=${hex(large)}` };
    const wire = { 'x-hub-signature-256': `sha256=${hex(zipped)}` };
    expect((await ingest.sendTo(github, send(zipped, inside))).kept).toMatchObject([
      { verified: true },
    ]);
    expect((await ingest.sendTo(github, send(zipped, wire))).kept).toMatchObject([
      { rejection_detail: { reason: 'WRONG_SECRET_OR_BODY' } },
    ]);
    const nylas = await ingest.source('NYLAS', { auth });
    const signed = { 'x-nylas-signature': hex(zipped) };
    expect((await ingest.sendTo(nylas, send(zipped, signed))).kept).toMatchObject([
      { verified: true },
    ]);
  });

  test.each([
    ['gzip', zipped.subarray(0, -40), 'the body is not gzip'],
    ['gzip', gzipSync(Buffer.alloc(2 * MOST_DECODED_BYTES)), 'the gzip body grows beyond 20 MiB'],
    ['br', zipped, 'the body is not br'],
    ['deflate', deflateSync(Buffer.alloc(2 * MOST_DECODED_BYTES)), 'the deflate body grows'],
    ['zstd', zipped, 'the body is not zstd'],
    ['compress', zipped, 'Content-Encoding compress is not known'],
    ['br', brotliCompressSync(large).subarray(0, 30_000), 'the body is not br'],
  ])('in %s that cannot be decoded says why', async (coding, body, hint) => {
    const id = await ingest.source('GITHUB', { auth });
    const sent = await ingest.sendTo(id, send(body, { ...forged, 'content-encoding': coding }));
    expect(sent.kept).toMatchObject([
      {
        rejection_detail: { reason: 'BODY_NOT_DECODABLE', hint: expect.stringContaining(hint) },
      },
    ]);
  });

  test('is opened for an id and a schema too, of whoever publishes as well', async () => {
    const config = {
      idempotency_key: 'body.id',
      schema: { mode: 'reject', json_schema: { required: ['missing'] } },
    };
    const id = await ingest.source('WEBHOOK', { config });
    const json = { 'content-type': 'application/json' };
    const violation = { reason: 'SCHEMA_VIOLATION', hint: expect.stringContaining('missing') };
    const sent = await ingest.sendTo(id, send(zipped, json));
    expect(sent.kept).toMatchObject([{ rejection_detail: violation }]);
    const published = await ingest.send('/v1/publish', {
      ...send(zipped, {
        ...json,
        authorization: `Bearer ${API_KEY}`,
        'x-sluice-source-id': id,
      }),
    });
    expect(published.status).toBe(422);
    const repeated = await ingest.source('WEBHOOK', { config: { idempotency_key: 'body.id' } });
    expect((await ingest.sendTo(repeated, send(zipped, json))).kept).toHaveLength(1);
    expect((await ingest.sendTo(repeated, send(gzipSync(large, { level: 1 }), json))).kept).toEqual(
      [],
    );
  });
});

describe('bodies that grow to 20 MiB, with a forged signature', () => {
  const gate = () => gateOf({ type: 'GITHUB', config: {}, auth });

  test('let others go on while they are decoded, each decoded once', async () => {
    const bodies = Array.from({ length: 4 }, () => arrived(bomb, forged));
    const { result: verdicts, ticks } = await ticksDuring(() =>
      Promise.all(bodies.map((received) => pass(gate(), { received, keys: NO_KEYS }))),
    );
    for (const verdict of verdicts)
      expect(verdict).toMatchObject({ refusal: { reason: 'WRONG_SECRET_OR_BODY' } });
    expect(ticks).toBeGreaterThan(5 * verdicts.length);
  });

  test('are not decoded at all without one', async () => {
    const received = arrived(bomb, {});
    const verdict = await pass(gate(), { received, keys: NO_KEYS });
    expect(verdict).toMatchObject({ refusal: { reason: 'MISSING_SIGNATURE' } });
    expect(received.largeBody?.isDecoded()).toBe(false);
  });

  test('are judged later where too many wait, while what is small is judged at once', async () => {
    const crowd = Array.from({ length: 24 }, () =>
      pass(gate(), { received: arrived(zipped, forged), keys: NO_KEYS }),
    );
    const small = arrived(gzipSync('{}'), forged);
    const kind = async (one: ReturnType<typeof pass>) => (await one).kind;
    expect(await kind(pass(gate(), { received: small, keys: NO_KEYS }))).toBe('refused');
    const kinds = await Promise.all(crowd.map(kind));
    expect(kinds.filter((one) => one === 'refused')).toHaveLength(18);
    expect(kinds.filter((one) => one === 'deferred')).toHaveLength(6);
  });

  test('get the same verdict from whoever takes the late ones', async () => {
    await ingest.db.query(sql`delete from outbox`);
    const id = await ingest.source('GITHUB', { auth });
    const good = { 'x-hub-signature-256': `sha256=${hex(large)}` };
    const full = fillLine();
    const first = await ingest.sendTo(id, send(zipped, good));
    const second = await ingest.sendTo(id, send(bomb, forged));
    await full.empty();
    expect([...first.kept, ...second.kept]).toMatchObject([{ verified: null }, { verified: null }]);
    const claimed = await claim(ingest.db, { limit: 1_000 });
    const verdicts = createVerdicts({ ingest: () => ingest, keys: () => NO_KEYS });
    await verdicts.activities().verifyRequests(claimed);
    verdicts.close();
    expect(await ingest.rowsOf(id)).toMatchObject([
      { verified: true, rejection_cause: null },
      { verified: false, rejection_detail: { reason: 'WRONG_SECRET_OR_BODY' } },
    ]);
  });

  /** Bodies that take as long to decode as the test wants, as many as may be decoded and wait. */
  function fillLine() {
    const { promise, resolve } = Promise.withResolvers<void>();
    const largeBody = { isDecoded: () => false, decode: () => promise };
    const verdicts = Array.from({ length: 18 }, () =>
      pass(gate(), { received: { ...arrived(zipped, forged), largeBody }, keys: NO_KEYS }),
    );
    return {
      empty: async () => {
        resolve();
        await Promise.all(verdicts);
      },
    };
  }
});
