import sql from 'sql-template-tag';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRejectedBodies } from '../../../src/api/ingest/rejected-bodies.ts';
import type { Arrival } from '../../../src/db/requests.ts';
import { createVerdicts } from '../../activities/verdicts.ts';
import { KEPT_BODY_BYTES, mac, startIngest, type Ingest } from './ingest.ts';
import { snsMessage, snsNetwork, snsRequest } from './sns.ts';

let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest.close());

const SECRET = 'the-secret';
const large = `{"fill":"${'x'.repeat(300_000)}"}`;

async function keptBytes(id: string): Promise<number> {
  const { rows } = await ingest.db.query<{ n: number }>(
    sql`select octet_length(body) as n from request_data where id = ${id}`,
  );
  return rows[0]!.n;
}

test('of a request that is not verified the beginning is kept, and it says so', async () => {
  const source = await ingest.source('GITHUB', { auth: { webhook_secret_key: SECRET } });
  const headers = { 'x-hub-signature-256': 'sha256=00' };
  const { kept } = await ingest.sendTo(source, { headers, body: large });
  expect(kept[0]).toMatchObject({
    rejection_cause: 'VERIFICATION_FAILED',
    rejection_detail: {
      reason: expect.any(String),
      body_cut: { received_bytes: large.length, kept_bytes: KEPT_BODY_BYTES },
    },
  });
  expect(await keptBytes(kept[0]!.id)).toBe(KEPT_BODY_BYTES);
});

test('a small one is kept whole, so that it can be retried once the secret is right', async () => {
  const source = await ingest.source('GITHUB', { auth: { webhook_secret_key: SECRET } });
  const { kept } = await ingest.sendTo(source, { body: '{"small":1}' });
  expect(kept[0]!.rejection_detail).not.toHaveProperty('body_cut');
  expect(await keptBytes(kept[0]!.id)).toBe(11);
});

test('of a method that a source does not take no more is kept', async () => {
  const source = await ingest.source('WEBHOOK', { config: { allowed_http_methods: ['POST'] } });
  const { kept } = await ingest.sendTo(source, { method: 'DELETE', body: large });
  expect(kept[0]).toMatchObject({ rejection_cause: 'UNSUPPORTED_HTTP_METHOD' });
  expect(await keptBytes(kept[0]!.id)).toBe(KEPT_BODY_BYTES);
});

test('what is verified is kept whole', async () => {
  const source = await ingest.source('GITHUB', { auth: { webhook_secret_key: SECRET } });
  const headers = { 'x-hub-signature-256': `sha256=${mac(large, { secret: SECRET })}` };
  const { kept } = await ingest.sendTo(source, { headers, body: large });
  expect(kept[0]).toMatchObject({ verified: true, rejection_cause: null });
  expect(await keptBytes(kept[0]!.id)).toBe(large.length);
});

test('what waits for its verdict is whole until then, and cut where it was refused', async () => {
  const source = await ingest.source('AWS_SNS');
  const message = (id: string, text: string) =>
    snsRequest({ ...snsMessage({ MessageId: id }), ...(text && { Message: text }) });
  const { kept: forged } = await ingest.sendTo(source, message('m-1', 'y'.repeat(200_000)));
  const { kept: genuine } = await ingest.sendTo(source, message('m-2', ''));
  expect(await keptBytes(forged[0]!.id)).toBeGreaterThan(200_000);
  const { keys, state } = snsNetwork();
  const verdicts = createVerdicts({ ingest: () => ingest, keys: () => keys });
  state.isAway = true;
  await verdicts.verify();
  expect(await keptBytes(forged[0]!.id)).toBeGreaterThan(200_000);
  state.isAway = false;
  await ingest.db.query(sql`update outbox set dispatch_id = null`);
  verdicts.close();
  await verdicts.verify();
  verdicts.close();
  const rows = await ingest.rowsOf(source);
  const [refused, accepted] = [forged, genuine].map(([one]) =>
    rows.find((row) => row.id === one!.id),
  );
  expect(refused).toMatchObject({
    rejection_cause: 'VERIFICATION_FAILED',
    rejection_detail: {
      reason: 'WRONG_SECRET_OR_BODY',
      body_cut: { kept_bytes: KEPT_BODY_BYTES },
    },
  });
  expect(await keptBytes(refused!.id)).toBe(KEPT_BODY_BYTES);
  expect(accepted).toMatchObject({ verified: true, rejection_cause: null });
});

test('however little is kept of it, each that is rejected is counted, by its cause', () => {
  const counted: string[] = [];
  const bodies = createRejectedBodies({ maxBytes: 0, onRejected: (cause) => counted.push(cause) });
  const of = (rejectionCause: string | null) =>
    bodies.keep({ request: { body: Buffer.alloc(5), rejectionCause } } as unknown as Arrival);
  of('VERIFICATION_FAILED');
  of(null);
  of('NO_CONNECTION');
  expect(counted).toEqual(['VERIFICATION_FAILED', 'NO_CONNECTION']);
});

test('while very many come, hardly more than their headers is kept; a minute later the beginning again', () => {
  let nowMs = 0;
  const bodies = createRejectedBodies({ maxBytes: 10_000_000 }, () => nowMs);
  const arrival = {
    request: {
      body: Buffer.alloc(10_000_000),
      rejectionCause: 'VERIFICATION_FAILED',
      rejectionDetail: null,
    },
    idempotency: null,
    claims: [],
  } as unknown as Arrival;
  const kept = Array.from({ length: 20 }, () => bodies.keep(arrival).request.body.length);
  expect(kept[0]).toBe(10_000_000);
  expect(kept.at(-1)).toBe(1_024);
  expect(kept.reduce((sum, n) => sum + n)).toBeLessThan(80_000_000);
  nowMs = 60_000;
  expect(bodies.keep(arrival).request.body.length).toBe(10_000_000);
});
