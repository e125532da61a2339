import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import sql from 'sql-template-tag';
import twilio from 'twilio';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../../src/db/ids.ts';
import { requeueRequest } from '../../src/db/recovery.ts';
import type { Keys } from '../../src/verification/verifier.ts';
import { mac, PUBLIC_URL, startIngest, type Ingest, type Kept } from '../api/ingest/ingest.ts';
import { snsMessage, snsNetwork, snsRequest } from '../api/ingest/sns.ts';
import { createVerdicts } from './verdicts.ts';

let ingest: Ingest;
let network = snsNetwork();
beforeAll(async () => {
  ingest = await startIngest({ trustedProxies: ['127.0.0.1'] });
});
beforeEach(async () => {
  network = snsNetwork();
  await ingest.db.query(sql`delete from outbox`);
});
afterAll(() => ingest.close());

const verdicts = createVerdicts({ ingest: () => ingest, keys: () => network.keys });
const { activities, claim, verify, routable, rowOf } = verdicts;
afterEach(() => verdicts.close());

describe('Amazon SNS', () => {
  test('what is signed goes on in its dispatch; what is not leaves it with its reason, in the log too', async () => {
    const id = await ingest.source('AWS_SNS');
    const good = await ingest.sendTo(id, snsRequest(snsMessage()));
    const forged = { ...snsMessage({ MessageId: 'm-2' }), Message: 'changed' };
    const bad = await ingest.sendTo(id, snsRequest(forged));
    const dispatch = await claim();
    await activities().verifyRequests(dispatch);
    expect(await routable(dispatch.dispatchId)).toEqual([good.kept[0]!.id]);
    expect(await rowOf(good.kept[0]!.id)).toMatchObject({ verified: true, rejection_cause: null });
    expect(await rowOf(bad.kept[0]!.id)).toMatchObject({
      verified: false,
      rejection_cause: 'VERIFICATION_FAILED',
      rejection_detail: { reason: 'WRONG_SECRET_OR_BODY' },
    });
    expect(ingest.logged).toContainEqual(
      expect.objectContaining({ request: bad.kept[0]!.id, reason: 'WRONG_SECRET_OR_BODY' }),
    );
  });

  test('of a message that comes several times one is accepted, the others name it', async () => {
    const id = await ingest.source('AWS_SNS');
    const message = snsRequest(snsMessage({ MessageId: 'm-3' }));
    const sent = await Promise.all([1, 2, 3].map(() => ingest.send(`/in/${id}`, message)));
    expect(sent.map(({ status }) => status)).toEqual([200, 200, 200]);
    await verify();
    const rows = await ingest.routed(id);
    const [first] = rows.filter((row) => row.rejection_cause === null);
    const repeats = rows.filter((row) => row.rejection_cause === 'REPLAYED');
    expect(repeats).toHaveLength(2);
    for (const { rejection_detail: detail } of repeats) {
      expect(detail).toEqual({
        reason: 'REPLAYED',
        hint: `${first!.id} came with this signature before`,
      });
    }
  });
});

test('Google Pub/Sub: the token is verified, another audience is not', async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'g1', alg: 'RS256' };
  const asked: string[] = [];
  const keys: Keys = {
    ...network.keys,
    json: (url) => Promise.resolve({ value: asked.push(url) && { keys: [jwk] } }),
  };
  const email = 'push@project.iam.gserviceaccount.com';
  const token = (audience: string) =>
    new SignJWT({ email, email_verified: true })
      .setProtectedHeader({ alg: 'RS256', kid: 'g1' })
      .setIssuer('https://accounts.google.com')
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
  const auth = { audience: 'https://hooks.example.com', service_account_email: email };
  const id = await ingest.source('GOOGLE_PUBSUB', { auth });
  const send = async (audience: string, messageId: string) => {
    const headers = { authorization: `Bearer ${await token(audience)}` };
    const body = JSON.stringify({ message: { messageId, data: 'aGk=' } });
    const { status, kept } = await ingest.sendTo(id, { headers, body });
    expect([status, kept[0]?.verified]).toEqual([200, null]);
    return kept[0]!.id;
  };
  const good = await send('https://hooks.example.com', '1');
  const bad = await send('https://evil.example', '2');
  const again = await send('https://hooks.example.com', '1');
  await verify({ keys });
  expect(await rowOf(good)).toMatchObject({ verified: true, rejection_cause: null });
  expect(await rowOf(bad)).toMatchObject({ rejection_detail: { reason: 'WRONG_CLAIMS' } });
  await ingest.routed((await rowOf(again)).source_id);
  const [one, two] = await Promise.all([rowOf(good), rowOf(again)]);
  expect(new Set([one.rejection_cause, two.rejection_cause])).toEqual(new Set([null, 'REPLAYED']));
  expect(new Set(asked)).toEqual(new Set(['https://www.googleapis.com/oauth2/v3/certs']));
});

describe('a rejected request that is retried', () => {
  const BODY = '{"id":"evt_9"}';

  async function correct(id: string, auth: object): Promise<void> {
    const sealed = ingest.sealer.seal(auth, `${ingest.projectId}/sources/${id}`);
    await ingest.db.query(
      sql`update sources set auth = ${sealed}, updated_at = now() where id = ${id}`,
    );
    await ingest.configuration.refresh();
  }

  async function retry(request: string): Promise<Kept> {
    await requeueRequest(ingest.db, { requestId: request, connectionIds: null });
    await verify();
    return rowOf(request);
  }

  /** As if the request had come that long ago. */
  async function antedate(request: string, receivedAtMs: number): Promise<string> {
    const id = newId('request', receivedAtMs);
    await ingest.db.query(sql`update requests set id = ${id} where id = ${request}`);
    await ingest.db.query(sql`update request_data set id = ${id} where id = ${request}`);
    return id;
  }

  test('is accepted once the secret is the right one, however long ago it came', async () => {
    const id = await ingest.source('STRIPE', { auth: { webhook_secret_key: 'wrong' } });
    const yesterdayMs = Date.now() - 86_400_000;
    const at = Math.floor(yesterdayMs / 1000);
    const { kept } = await ingest.sendTo(id, {
      headers: { 'stripe-signature': `t=${at},v1=${mac(`${at}.${BODY}`, { secret: 'right' })}` },
      body: BODY,
    });
    expect(kept[0]).toMatchObject({ rejection_cause: 'VERIFICATION_FAILED' });
    const request = await antedate(kept[0]!.id, yesterdayMs);
    expect(await retry(request)).toMatchObject({
      rejection_detail: { reason: 'WRONG_SECRET_OR_BODY' },
    });
    await correct(id, { webhook_secret_key: 'right' });
    expect(await retry(request)).toMatchObject({
      verified: true,
      rejection_cause: null,
      rejection_detail: null,
    });
    expect(await ingest.waiting(id)).toEqual([request]);
  });

  test('is a repeat where the sender has already sent it again', async () => {
    const id = await ingest.source('GITHUB', { auth: { webhook_secret_key: 'wrong' } });
    const headers = {
      'x-hub-signature-256': `sha256=${mac(BODY, { secret: 'right' })}`,
      'x-github-delivery': 'd-1',
    };
    const { kept } = await ingest.sendTo(id, { headers, body: BODY });
    await correct(id, { webhook_secret_key: 'right' });
    const second = await ingest.sendTo(id, { headers, body: BODY });
    expect(second.kept).toMatchObject([{ verified: true, rejection_cause: null }]);
    await ingest.routed(id);
    await retry(kept[0]!.id);
    await ingest.routed(id);
    expect(await rowOf(kept[0]!.id)).toMatchObject({
      verified: true,
      rejection_cause: 'REPLAYED',
      rejection_detail: { hint: `${second.kept[0]!.id} was the first with this id` },
    });
  });

  test.each([
    ['id', PUBLIC_URL],
    ['name', PUBLIC_URL],
    ['id', 'https://seen.by.a.proxy'],
    ['name', 'https://seen.by.a.proxy'],
  ])('was signed with the source’s URL by %s at %s', async (how, origin) => {
    const name = `twilio-by-${how}-${origin.length}`;
    const id = await ingest.source('TWILIO', { auth: { webhook_secret_key: 'wrong' }, name });
    const path = `/in/${how === 'id' ? id : name}/sms?a=1`;
    const signature = twilio.getExpectedTwilioSignature('right', origin + path, { Body: 'hi' });
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': signature,
      'x-forwarded-proto': 'https',
      'x-forwarded-host': new URL(origin).host,
    };
    await ingest.send(path, { method: 'POST', headers, body: 'Body=hi' });
    const [row] = await ingest.rowsOf(id);
    expect(row).toMatchObject({ rejection_cause: 'VERIFICATION_FAILED' });
    await correct(id, { webhook_secret_key: 'right' });
    expect(await retry(row!.id)).toMatchObject({ verified: true, rejection_cause: null });
  });

  test('goes on unverified where the source no longer asks for verification', async () => {
    const id = await ingest.source('GITHUB', { auth: { webhook_secret_key: 'wrong' } });
    const { kept } = await ingest.sendTo(id, { body: BODY });
    await ingest.db.query(sql`update sources set auth = null, updated_at = now() where id = ${id}`);
    await ingest.configuration.refresh();
    expect(await retry(kept[0]!.id)).toMatchObject({ verified: false, rejection_cause: null });
  });
});

test('a late verdict is followed by the check of the body', async () => {
  const schema = { json_schema: { required: ['order'] }, mode: 'reject' };
  const id = await ingest.source('AWS_SNS', { config: { schema } });
  const { kept } = await ingest.sendTo(id, snsRequest(snsMessage({ MessageId: 'm-6' })));
  await verify();
  expect(await rowOf(kept[0]!.id)).toMatchObject({
    verified: true,
    rejection_cause: 'SCHEMA_VIOLATION',
    rejection_detail: { reason: 'SCHEMA_VIOLATION', violations: [{ path: 'body' }] },
  });
});
