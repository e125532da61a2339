import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAddressGuard } from '../../../src/egress/address-guard.ts';
import { createFetchDocument } from '../../../src/egress/fetch-document.ts';
import { createSender } from '../../../src/egress/send.ts';
import { createKeys } from '../../../src/verification/keys.ts';
import type { Keys } from '../../../src/verification/verifier.ts';
import { makeCertificate } from '../../egress/certificate.ts';
import { until } from '../../support/until.ts';
import { startIngest, type Ingest } from './ingest.ts';
import { snsMessage, snsNetwork, snsRequest } from './sns.ts';

const network = snsNetwork();
const confirmed: string[] = [];
let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest({
    keys: network.keys,
    confirm: (url) => Promise.resolve(confirmed.push(url) > 0),
  });
});
afterAll(() => ingest.close());

describe('Amazon SNS', () => {
  const CONFIRM = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t';
  const confirmation = (changes: Record<string, string> = {}) =>
    snsMessage({ Type: 'SubscriptionConfirmation', Token: 't', SubscribeURL: CONFIRM, ...changes });

  test('a notification is answered at once, without asking anybody, and its verdict waits', async () => {
    const id = await ingest.source('AWS_SNS');
    const before = network.state.asked;
    const sent = await ingest.sendTo(id, snsRequest(snsMessage()));
    expect(sent.status).toBe(200);
    expect(sent.kept).toMatchObject([{ verified: null, rejection_cause: null }]);
    expect(await ingest.waiting(id)).toEqual([sent.kept[0]!.id]);
    expect(network.state.asked).toBe(before);
  });

  test('a subscription is confirmed after its signature was, and noted as verified', async () => {
    const id = await ingest.source('AWS_SNS');
    const sent = await ingest.sendTo(id, snsRequest(confirmation()));
    expect([sent.status, sent.text]).toEqual([200, '']);
    await until('the note', async () => (await ingest.rowsOf(id))[0]?.verified === true);
    expect(confirmed).toEqual([CONFIRM]);
    expect(await ingest.waiting(id)).toEqual([]);
  });

  test('a forged subscription is not followed, and the request says why', async () => {
    const id = await ingest.source('AWS_SNS');
    const before = confirmed.length;
    const forged = { ...confirmation(), Token: 'other' };
    await ingest.sendTo(id, snsRequest(forged));
    const noted = await until('the note', async () =>
      (await ingest.rowsOf(id)).find((row) => row.rejection_detail),
    );
    expect(noted).toMatchObject({
      kind: 'handshake',
      verified: false,
      rejection_detail: { reason: 'WRONG_SECRET_OR_BODY' },
    });
    expect(confirmed).toHaveLength(before);
  });

  test.each([
    'https://sns.eu-west-1.amazonaws.com.evil.example/a.pem',
    'http://169.254.169.254/latest.pem',
    'https://sns.eu-west-1.amazonaws.com@evil.example/a.pem',
  ])('a certificate at %s is refused at once, and never fetched', async (SigningCertURL) => {
    const id = await ingest.source('AWS_SNS');
    const before = network.state.asked;
    const sent = await ingest.sendTo(id, snsRequest(snsMessage({ SigningCertURL })));
    expect(sent.kept).toMatchObject([{ rejection_detail: { reason: 'UNTRUSTED_KEY_URL' } }]);
    expect(network.state.asked).toBe(before);
  });
});

describe('where the provider waits for the verdict', () => {
  const auth = { neon_auth_url: 'https://auth.example.com' };
  const body = '{}';
  // A well-formed signature of nobody: the key decides.
  const head = Buffer.from('{"alg":"EdDSA","kid":"k"}').toString('base64url');
  const headers = {
    'x-neon-signature': `${head}..${'A'.repeat(86)}`,
    'x-neon-signature-kid': 'k',
    'x-neon-timestamp': String(Date.now()),
  };
  const withKeys = async (json: Keys['json']) => {
    const own = await startIngest({ keys: { ...network.keys, json } });
    const id = await own.source('NEON', { auth });
    const startedAt = performance.now();
    const sent = await own.sendTo(id, { headers, body });
    const ms = performance.now() - startedAt;
    await own.close();
    return { ...sent, ms };
  };

  test('a key server that hangs costs a second, and then the verdict waits', async () => {
    const { status, kept, ms } = await withKeys(() => new Promise(() => {}));
    expect(status).toBe(200);
    expect(kept).toMatchObject([{ verified: null, rejection_cause: null }]);
    expect(ms).toBeGreaterThan(900);
  });

  test('one that is away is no verdict either', async () => {
    const { kept } = await withKeys(() =>
      Promise.resolve({ verified: false, reason: 'KEY_UNAVAILABLE' }),
    );
    expect(kept).toMatchObject([{ verified: null, rejection_cause: null }]);
  });
});

test('a key set on this machine is fetched over the real egress only where the guard allows its address', async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' };
  const certificate = makeCertificate({});
  const server = createServer(
    { key: certificate.key, cert: certificate.cert },
    (_request, answer) => answer.end(JSON.stringify({ keys: [jwk] })),
  );
  const url = await listen(server);
  const keysWith = (allowCidrs: string[]) => {
    const guard = createAddressGuard({ allowCidrs });
    const sender = createSender({ guard, extraCertificates: [certificate.cert] });
    return { sender, keys: createKeys({ fetchDocument: createFetchDocument(sender) }) };
  };
  const open = keysWith(['127.0.0.0/8']);
  const closed = keysWith([]);
  expect(await open.keys.json(url)).toEqual({ value: { keys: [jwk] } });
  expect(await closed.keys.json(url)).toMatchObject({ reason: 'KEY_UNAVAILABLE' });

  const token = await new SignJWT({ sub: 'a' })
    .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
    .setExpirationTime('5m')
    .sign(privateKey);
  const auth = { jwks_url: url, algorithms: ['RS256'] };
  const id = await ingest.source('WEBHOOK', { auth, config: { auth_type: 'JWT' } });
  const sent = await ingest.sendTo(id, {
    headers: { authorization: `Bearer ${token}` },
    body: '{}',
  });
  expect(sent.kept).toMatchObject([{ verified: null, rejection_cause: null }]);
  await Promise.all([open.sender.close(), closed.sender.close()]);
  server.close();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
}
