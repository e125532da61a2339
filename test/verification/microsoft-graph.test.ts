import { createHmac, generateKeyPairSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { SignJWT, type JWTPayload } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileVerifier } from '../../src/verification/compile.ts';
import { withDecodedBody } from '../../src/verification/decoding.ts';
import { validateSourceConfig, type SourceConfig } from '../../src/verification/source-config.ts';
import { answerOf, network, NOW_MS, request, settleWith, verifyWith } from './support.ts';
import { base64url, makePairs, pair, reasonFor, token } from './tokens.ts';

const seconds = Math.floor(NOW_MS / 1000);
const KEYS_V1 = 'https://login.microsoftonline.com/common/discovery/keys';
const KEYS_V2 = 'https://login.microsoftonline.com/common/discovery/v2.0/keys';
const APP = '8e460676-ae3f-4b1e-8790-ee0fb5d6148f';
const TENANT = '84bd8158-6d4d-4958-8b9f-9d6445542f95';
const OTHER = '11111111-2222-3333-4444-555555555555';
const PUBLISHER = '0bf30f3b-4a52-48df-9a82-234910c4a086';
const SECRET = 'the client state';

/** Claims as Microsoft documents them, in either version of its tokens. */
const v1: JWTPayload = {
  aud: APP,
  iss: `https://sts.windows.net/${TENANT}/`,
  nbf: seconds - 60,
  appid: PUBLISHER,
  tid: TENANT,
  ver: '1.0',
};
const { appid: _, ...unpublished } = v1;
const v2: JWTPayload = {
  ...unpublished,
  iss: `https://login.microsoftonline.com/${TENANT}/v2.0`,
  azp: PUBLISHER,
  ver: '2.0',
};

const rich: SourceConfig = { auth: { app_id: APP } };
const stated: SourceConfig = { auth: { app_id: APP, webhook_secret_key: SECRET } };

/** A key set as Microsoft writes it: no alg, but a certificate and who may be signed for. */
function keySet(issuer = 'https://login.microsoftonline.com/{tenantid}/v2.0'): string {
  const { alg: _, ...jwk } = pair('RS256').jwk;
  return JSON.stringify({ keys: [{ ...jwk, use: 'sig', x5t: 'k1', x5c: ['MIID'], issuer }] });
}
const microsoft = () => network({ [KEYS_V1]: keySet(), [KEYS_V2]: keySet() });

function notified(validationTokens: unknown, changes: object = {}, more: object[] = []) {
  const value = [
    {
      subscriptionId: 's',
      tenantId: TENANT,
      clientState: SECRET,
      encryptedContent: {},
      ...changes,
    },
    ...more,
  ];
  return request({ body: Buffer.from(JSON.stringify({ value, validationTokens })) });
}

const reasonOf = (
  tokens: unknown,
  config: SourceConfig = rich,
  { keys } = microsoft(),
): Promise<string> => reasonFor('MICROSOFT_GRAPH', config, { received: notified(tokens), keys });

beforeAll(makePairs);

describe('a plain notification', () => {
  const config = { auth: { webhook_secret_key: SECRET } };
  const body = (...states: (string | undefined)[]) =>
    request({
      body: Buffer.from(JSON.stringify({ value: states.map((clientState) => ({ clientState })) })),
    });

  test('must carry the client state in every entry', () => {
    const verdict = (...states: (string | undefined)[]) =>
      verifyWith('MICROSOFT_GRAPH', config, body(...states));
    expect(verdict(SECRET, SECRET)).toEqual({ verified: true });
    expect(verdict(SECRET, 'other')).toMatchObject({ reason: 'WRONG_CREDENTIALS' });
    expect(verdict(SECRET, undefined)).toMatchObject({ reason: 'MISSING_SIGNATURE' });
    expect(verdict()).toMatchObject({ reason: 'MALFORMED' });
    expect(verifyWith('MICROSOFT_GRAPH', config, request())).toMatchObject({ reason: 'MALFORMED' });
  });

  test('is taken by its client state beside rich ones, and by nothing where none is set', () => {
    expect(verifyWith('MICROSOFT_GRAPH', stated, body(SECRET))).toEqual({ verified: true });
    expect(verifyWith('MICROSOFT_GRAPH', rich, body(SECRET))).toMatchObject({
      reason: 'MISSING_SIGNATURE',
    });
    expect(compileVerifier('MICROSOFT_GRAPH', { auth: {} })).toBeNull();
  });

  test('names a secret that has ended, and a body that cannot be decoded', () => {
    const not_after = new Date(NOW_MS - 1).toISOString();
    const ended = { auth: { previous_secrets: [{ value: SECRET, not_after }] } };
    expect(verifyWith('MICROSOFT_GRAPH', ended, body(SECRET))).toMatchObject({
      reason: 'NO_ACTIVE_SECRET',
    });
    const broken = withDecodedBody({ ...body(SECRET), headers: [['content-encoding', 'br']] });
    expect(verifyWith('MICROSOFT_GRAPH', config, broken)).toMatchObject({
      reason: 'BODY_NOT_DECODABLE',
    });
  });
});

describe('the tokens of a rich notification', () => {
  test.each(['MICROSOFT_GRAPH', 'MICROSOFT_SHAREPOINT'] as const)(
    'verify it after the answer, in %s, with a key set that is fetched once',
    async (type) => {
      const one = microsoft();
      const received = notified([await token(v2)]);
      expect(verifyWith(type, rich, received)).toEqual({ deferred: true });
      for (let count = 0; count < 3; count++)
        expect(await settleWith(type, rich, { received, keys: one.keys })).toEqual({
          verified: true,
        });
      expect(one.asked).toEqual([KEYS_V2]);
    },
  );

  test('are judged at once while their key set is at hand', async () => {
    const one = microsoft();
    const verifier = compileVerifier('MICROSOFT_GRAPH', rich)!;
    await verifier.settle?.(notified([await token(v1)]), one.keys);
    const both = notified([await token(v1), await token({ ...v1, aud: OTHER })]);
    expect(verifier.verify(both)).toEqual({ deferred: true, local: true });
    expect(await answerOf(verifier, both, one.keys)).toMatchObject({ reason: 'WRONG_CLAIMS' });
    expect(verifier.verify(notified([await token(v2)]))).toEqual({ deferred: true });
  });

  test('come in two versions, each with its own key set, and compressed', async () => {
    const one = microsoft();
    expect(await reasonOf([await token(v1), await token(v2)], rich, one)).toBe('verified');
    expect(one.asked).toEqual([KEYS_V1, KEYS_V2]);
    const plain = notified([await token(v2)]);
    const received = withDecodedBody({
      ...plain,
      body: gzipSync(plain.body),
      headers: [['content-encoding', 'gzip']],
    });
    const { keys } = one;
    expect(await reasonFor('MICROSOFT_GRAPH', rich, { received, keys })).toBe('verified');
  });

  test('are for one of several apps, whatever their case', async () => {
    const several = { auth: { app_id: [OTHER, APP.toUpperCase()] } };
    expect(await reasonOf([await token(v2), await token({ ...v2, aud: OTHER })], several)).toBe(
      'verified',
    );
    expect(await reasonOf([await token({ ...v2, aud: TENANT })], several)).toBe('WRONG_CLAIMS');
  });

  test.each<[string, object, string]>([
    ['another audience', { ...v2, aud: OTHER }, 'WRONG_CLAIMS'],
    ['another publisher, v1', { ...v1, appid: OTHER }, 'WRONG_CLAIMS'],
    ['another publisher, v2', { ...v2, azp: OTHER }, 'WRONG_CLAIMS'],
    ['two publishers', { ...v2, appid: OTHER }, 'WRONG_CLAIMS'],
    ['no publisher', unpublished, 'WRONG_CLAIMS'],
    ['another issuer', { ...v1, iss: 'https://issuer.example.com/' }, 'WRONG_CLAIMS'],
    ['a look-alike issuer', { ...v1, iss: `${v1.iss}.evil.example/` }, 'WRONG_CLAIMS'],
    ['the issuer of another tenant', { ...v1, tid: OTHER }, 'WRONG_CLAIMS'],
    ['no tenant', { ...v1, tid: undefined }, 'WRONG_CLAIMS'],
    [
      'a tenant that is no id',
      { ...v1, iss: 'https://sts.windows.net/common/', tid: 'common' },
      'WRONG_CLAIMS',
    ],
    ['an end in the past', { ...v2, exp: seconds - 120 }, 'TIMESTAMP_TOO_OLD'],
    ['no end', { ...v2, exp: undefined }, 'WRONG_CLAIMS'],
    ['a beginning in the future', { ...v2, nbf: seconds + 120 }, 'TIMESTAMP_IN_FUTURE'],
  ])('are refused with %s, alone and among good ones', async (_what, claims, reason) => {
    const bad = await token(claims as JWTPayload);
    expect(await reasonOf([bad])).toBe(reason);
    expect(await reasonOf([await token(v1), bad, await token(v2)])).toBe(reason);
  });

  test('are refused with another key, no algorithm, another one, or a shared secret', async () => {
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const forged = await new SignJWT({ ...v2, exp: seconds + 600 })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(stranger);
    expect(await reasonOf([forged])).toBe('WRONG_SECRET_OR_BODY');
    expect(await reasonOf([await token(v2), forged])).toBe('WRONG_SECRET_OR_BODY');
    const claims = base64url({ ...v2, exp: seconds + 600 });
    const none = `${base64url({ alg: 'none', kid: 'k1' })}.${claims}`;
    expect(await reasonOf([`${none}.`])).toBe('MALFORMED');
    expect(await reasonOf([`${none}.AAAA`])).toBe('WRONG_ALGORITHM');
    const shared = `${base64url({ alg: 'HS256', kid: 'k1' })}.${claims}`;
    const mac = createHmac('sha256', pair('RS256').pem).update(shared).digest('base64url');
    expect(await reasonOf([`${shared}.${mac}`])).toBe('WRONG_ALGORITHM');
    expect(await reasonOf([await token(v2, { algorithm: 'RS512' })])).toBe('WRONG_ALGORITHM');
  });

  test('are refused with any character changed', async () => {
    const good = await token(v2);
    const { keys } = microsoft();
    for (let at = 0; at < good.length; at += 5) {
      const changed = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);
      expect(await reasonOf([changed], rich, { ...microsoft(), keys })).not.toBe('verified');
    }
    expect(await reasonOf([good], rich, { ...microsoft(), keys })).toBe('verified');
  });

  test('are refused where they are no tokens, too many, or too long', async () => {
    for (const wrong of ['token', {}, [1], [null], [[]], [''], ['a.b'], ['x'.repeat(20_000)]])
      expect(await reasonOf(wrong)).toBe('MALFORMED');
    expect(await reasonOf(Array.from({ length: 101 }, () => 'x'))).toBe('MALFORMED');
    const unnamed = await new SignJWT({ ...v2, exp: seconds + 600 })
      .setProtectedHeader({ alg: 'RS256' })
      .sign(pair('RS256').privateKey);
    expect(await reasonOf([unnamed])).toBe('MALFORMED');
  });

  test.each([undefined, null, []])('must be there with encrypted content: %j', async (none) => {
    expect(await reasonOf(none)).toBe('MISSING_SIGNATURE');
    expect(await reasonOf(none, stated)).toBe('MISSING_SIGNATURE');
    const plain = notified(none, { encryptedContent: undefined });
    expect(verifyWith('MICROSOFT_GRAPH', stated, plain)).toEqual({ verified: true });
    const second = notified(none, { encryptedContent: null }, [
      { clientState: SECRET, encryptedContent: { data: 'x' } },
    ]);
    expect(verifyWith('MICROSOFT_GRAPH', stated, second)).toMatchObject({
      reason: 'MISSING_SIGNATURE',
    });
  });

  test('are not looked at without an app id: only the client state counts', () => {
    const config = { auth: { webhook_secret_key: SECRET } };
    expect(verifyWith('MICROSOFT_GRAPH', config, notified(['no token']))).toEqual({
      verified: true,
    });
  });

  test('do not make up for a wrong client state', async () => {
    const received = notified([await token(v2)], { clientState: 'other' });
    expect(verifyWith('MICROSOFT_GRAPH', stated, received)).toMatchObject({
      reason: 'WRONG_CREDENTIALS',
    });
    const second = notified([await token(v2)], {}, [{ clientState: 'other' }]);
    expect(verifyWith('MICROSOFT_GRAPH', stated, second)).toMatchObject({
      reason: 'WRONG_CREDENTIALS',
    });
    expect(await reasonOf([await token(v2)], stated)).toBe('verified');
  });

  test('are of a tenant of the source, where it names some', async () => {
    const of = (tenant_id: string | string[]) => ({ auth: { app_id: APP, tenant_id } });
    const tokens = [await token(v1), await token(v2)];
    expect(await reasonOf(tokens, of(TENANT))).toBe('verified');
    expect(await reasonOf(tokens, of([OTHER, TENANT]))).toBe('verified');
    expect(await reasonOf(tokens, of(OTHER))).toBe('WRONG_CLAIMS');
  });
});

describe('Microsoft’s key sets', () => {
  const withKeys = async (document: string) =>
    reasonOf([await token(v2)], rich, network({ [KEYS_V2]: document }));

  test('hold keys of a single tenant, which sign for no other', async () => {
    const of = (tenant: string) => keySet(`https://login.microsoftonline.com/${tenant}/v2.0`);
    expect(await withKeys(of(OTHER))).toBe('WRONG_CLAIMS');
    expect(await withKeys(of(TENANT))).toBe('verified');
    expect(await withKeys(keySet('https://sts.windows.net/{tenantid}/'))).toBe('verified');
    expect(await withKeys(keySet('https://evil.example/{tenantid}/'))).toBe('WRONG_CLAIMS');
  });

  test('are refused where they are too large or none, and a key that is not in them too', async () => {
    const { jwk } = pair('RS256');
    const many = Array.from({ length: 101 }, (_, index) => ({ ...jwk, kid: `k${index}` }));
    for (const document of [JSON.stringify({ keys: many }), ' '.repeat(70_000), '<html>', '{}'])
      expect(await withKeys(document)).toBe('KEY_UNAVAILABLE');
    expect(await withKeys(JSON.stringify({ keys: [{ ...jwk, kid: 'k2' }] }))).toBe('KEY_NOT_FOUND');
    expect(await withKeys(JSON.stringify({ keys: [pair('ES256').jwk] }))).toBe('KEY_NOT_FOUND');
    expect(await reasonOf([await token(v1)], rich, network({ [KEYS_V2]: keySet() }))).toBe(
      'KEY_UNAVAILABLE',
    );
  });
});

test('a tenant cannot be saved without an app, nor what is no id', () => {
  const problem = (auth: object) => validateSourceConfig('MICROSOFT_GRAPH', { auth });
  expect(problem({ tenant_id: TENANT })).toMatchObject({ errors: [{ path: 'auth.app_id' }] });
  const noId = [{ path: 'auth.app_id', message: expect.stringContaining('must be a GUID') }];
  expect(problem({ app_id: 'my app' })).toMatchObject({ errors: noId });
  expect(problem({ app_id: [] })).toMatchObject({ errors: [{ path: 'auth.app_id' }] });
  expect(problem({ app_id: [APP, OTHER], tenant_id: TENANT })).toEqual({ ok: true });
});
