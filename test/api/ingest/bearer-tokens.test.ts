import { SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startIngest, type Ingest } from './ingest.ts';

let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest.close());

const auth = { webhook_secret_key: 'shared', algorithms: ['HS256'] };
const config = { auth_type: 'JWT' };
const signed = (key: string) =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('10m')
    .sign(Buffer.from(key));
const post = async (id: string, token?: string) =>
  ingest.sendTo(id, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    body: '{}',
  });

test('every request with a bearer token that is still good is taken', async () => {
  const id = await ingest.source('HTTP', { auth, config });
  const token = await signed('shared');
  for (let count = 0; count < 5; count++) {
    const { status, kept } = await post(id, token);
    expect([status, kept]).toMatchObject([200, [{ verified: true, rejection_cause: null }]]);
  }
  expect(await ingest.waiting(id)).toHaveLength(5);
});

test('with replay protection a token is taken once', async () => {
  const own = { ...auth, replay_protection: true };
  const id = await ingest.source('HTTP', { auth: own, config });
  const token = await signed('shared');
  const [first, again] = [await post(id, token), await post(id, token)];
  expect([first.status, again.status]).toEqual([200, 200]);
  const causes = (await ingest.routed(id)).map((row) => row.rejection_cause);
  expect(new Set(causes)).toEqual(new Set([null, 'REPLAYED']));
});

test.each([
  ['HTTP', { auth, config }],
  ['WEBHOOK', { auth, config }],
  ['MONDAY', { auth: { webhook_secret_key: 's' }, config: { unverified_status: 401 } }],
  ['FUSIONAUTH', { auth: { webhook_secret_key: 's' }, config: { unverified_status: 401 } }],
] as const)('%s hears 401 for a token that is wrong, garbage or missing', async (type, options) => {
  const id = await ingest.source(type, options);
  for (const token of [await signed('other'), 'garbage', undefined]) {
    const { status, kept } = await post(id, token);
    const want = [401, [{ rejection_cause: 'VERIFICATION_FAILED' }]];
    expect([status, kept]).toMatchObject(want);
  }
  expect(await ingest.waiting(id)).toEqual([]);
});

test('a source that answers 200 to who is not verified does so for tokens too', async () => {
  const id = await ingest.source('HTTP', { auth, config: { ...config, unverified_status: 200 } });
  expect((await post(id)).status).toBe(200);
});
