import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import sql from 'sql-template-tag';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createKeys } from '../../../src/verification/keys.ts';
import { startIngest, type Ingest } from './ingest.ts';
import { createVerdicts } from '../../activities/verdicts.ts';
import { claim } from '../../db/rows.ts';

const KEYS = 'https://login.microsoftonline.com/common/discovery/v2.0/keys';
const APP = '8e460676-ae3f-4b1e-8790-ee0fb5d6148f';
const TENANT = '84bd8158-6d4d-4958-8b9f-9d6445542f95';
const PUBLISHER = '0bf30f3b-4a52-48df-9a82-234910c4a086';

const asked: string[] = [];
let keySet = '';
let sign: (aud: string) => Promise<string>;
let ingest: Ingest;

// As in production: what takes requests has its own keys, and so has what takes the late verdicts.
const keys = () =>
  createKeys({
    fetchDocument(url) {
      asked.push(url);
      return Promise.resolve({ status: 200, body: Buffer.from(keySet) });
    },
  });

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  keySet = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', use: 'sig' }] });
  sign = (aud) =>
    new SignJWT({ aud, azp: PUBLISHER, tid: TENANT, ver: '2.0' })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuer(`https://login.microsoftonline.com/${TENANT}/v2.0`)
      .setExpirationTime('1h')
      .sign(privateKey);
  ingest = await startIngest({ keys: keys() });
});
beforeEach(() => ingest.db.query(sql`delete from outbox`));
afterAll(() => ingest.close());

const rich = (validationTokens: string[]) => ({
  body: JSON.stringify({ value: [{ tenantId: TENANT, encryptedContent: {} }], validationTokens }),
});

test('a rich notification is answered before its key is known, and judged before it is routed', async () => {
  const id = await ingest.source('MICROSOFT_GRAPH', { auth: { app_id: APP } });
  const good = await ingest.sendTo(id, rich([await sign(APP)]));
  const bad = await ingest.sendTo(id, rich([await sign(APP), await sign(TENANT)]));
  expect([good.status, bad.status]).toEqual([200, 200]);
  expect([...good.kept, ...bad.kept].map(({ verified }) => verified)).toEqual([null, null]);
  expect(asked).toEqual([]);
  const dispatch = await claim(ingest.db);
  const verdicts = createVerdicts({ ingest: () => ingest, keys });
  await verdicts.activities().verifyRequests(dispatch);
  verdicts.close();
  expect(await ingest.rowsOf(id)).toMatchObject([
    { verified: true, rejection_cause: null },
    { rejection_cause: 'VERIFICATION_FAILED', rejection_detail: { reason: 'WRONG_CLAIMS' } },
  ]);
  expect(asked).toEqual([KEYS]);
});

test('what no key could make right is refused at once, and answered like everything else', async () => {
  const id = await ingest.source('MICROSOFT_GRAPH', { auth: { app_id: APP } });
  for (const tokens of [[], ['no token']]) {
    const sent = await ingest.sendTo(id, rich(tokens));
    expect(sent.status).toBe(200);
    expect(sent.kept).toMatchObject([{ rejection_cause: 'VERIFICATION_FAILED' }]);
  }
});
