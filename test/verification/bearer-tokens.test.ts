import { beforeAll, describe, expect, test } from 'vitest';
import { gateOf, onceKeys } from '../../src/verification/source-gate.ts';
import type { SourceConfig } from '../../src/verification/source-config.ts';
import type { SourceType } from '../../src/verification/source-types.ts';
import { compileVerifier } from '../../src/verification/compile.ts';
import { answerOf, answerWith, network, NOW_MS, request, verifyWith } from './support.ts';
import { bearer, makePairs, pair, token } from './tokens.ts';

const seconds = Math.floor(NOW_MS / 1000);
const JWKS = 'https://issuer.example.com/jwks.json';
const jwt = (auth: object): SourceConfig => ({
  auth_type: 'JWT',
  auth: { webhook_secret_key: 'shared', algorithms: ['HS256'], ...auth },
});
const shared = (claims: object = {}, key = 'shared') =>
  token({ ...claims }, { algorithm: 'HS256', key: Buffer.from(key) });

beforeAll(makePairs);

describe('a bearer token comes again until it expires', () => {
  test.each([{}, { replay_protection: false }])('and marks no replay with %j', async (auth) => {
    const verdict = await answerWith('HTTP', jwt(auth), bearer(await shared({ jti: 'j' })));
    expect(verdict).toEqual({ verified: true });
  });

  test('where the source asks for replay protection, its id marks one, else what was signed', async () => {
    const config = jwt({ replay_protection: true });
    const keyOf = async (claims: object) => {
      const verdict = await answerWith('HTTP', config, bearer(await shared(claims)));
      return 'verified' in verdict && verdict.verified ? verdict.replayKey : undefined;
    };
    expect(await keyOf({ jti: 'a', n: 1 })).toBe(await keyOf({ jti: 'a', n: 2 }));
    expect(await keyOf({ n: 1 })).toBe(await keyOf({ n: 1 }));
    expect(await keyOf({ n: 1 })).not.toBe(await keyOf({ n: 2 }));
    expect(await keyOf({ n: 1 })).not.toBeUndefined();
  });

  test('and is then remembered for as long as it is good, a month at most', async () => {
    const gate = gateOf({
      type: 'HTTP',
      config: { auth_type: 'JWT' },
      auth: { ...jwt({}).auth, replay_protection: true, tolerance_seconds: 60 },
    });
    const endOf = async (exp: number) => {
      const received = bearer(await shared({ exp }));
      const verdict = gate.verifier && (await answerOf(gate.verifier, received));
      return onceKeys(gate, { received, verdict }).replay?.expiresAtMs ?? 0;
    };
    expect(await endOf(seconds + 86_400)).toBeGreaterThan(NOW_MS + 86_400_000);
    expect(await endOf(seconds + 10 * 366 * 86_400)).toBeLessThan(NOW_MS + 32 * 86_400_000);
  });

  test('two events of monday.com with one token are two, the same event twice is one', async () => {
    const config = { auth: { webhook_secret_key: 'shared' } };
    const text = await shared();
    const keyOf = async (body: string) => {
      const received = { ...bearer(text), body: Buffer.from(body) };
      const verdict = await answerWith('MONDAY', config, received);
      return 'verified' in verdict && verdict.verified ? verdict.replayKey : undefined;
    };
    expect(await keyOf('{"n":1}')).not.toBe(await keyOf('{"n":2}'));
    expect(await keyOf('{"n":1}')).toBe(await keyOf('{"n":1}'));
  });
});

test('tolerance_seconds is the leeway of a token’s times', async () => {
  const expired = bearer(await shared({ exp: seconds - 100 }));
  const early = bearer(await shared({ nbf: seconds + 100 }));
  for (const received of [expired, early]) {
    expect(await answerWith('HTTP', jwt({}), received)).toMatchObject({ verified: false });
    const patient = jwt({ tolerance_seconds: 120 });
    expect(await answerWith('HTTP', patient, received)).toMatchObject({ verified: true });
  }
  const justExpired = bearer(await shared({ exp: seconds - 1 }));
  const strict = jwt({ tolerance_seconds: 0 });
  expect(await answerWith('HTTP', jwt({}), justExpired)).toMatchObject({ verified: true });
  expect(await answerWith('HTTP', strict, justExpired)).toMatchObject({
    reason: 'TIMESTAMP_TOO_OLD',
  });
});

describe('what needs no network is judged before the sender is answered', () => {
  const wrong = () => shared({}, 'other');
  test('a shared secret, by the generic way, monday.com and FusionAuth', async () => {
    const auth = { webhook_secret_key: 'shared' };
    const header = async (name: string, text: Promise<string>) =>
      request({ headers: [[name, await text]] });
    const cases: [SourceType, SourceConfig, string][] = [
      ['WEBHOOK', jwt({}), 'authorization'],
      ['MONDAY', { auth }, 'authorization'],
      ['FUSIONAUTH', { auth }, 'x-fusionauth-signature-jwt'],
    ];
    for (const [type, config, name] of cases) {
      const bad = await answerWith(type, config, await header(name, wrong()));
      expect(bad).toMatchObject({ reason: 'WRONG_SECRET_OR_BODY' });
      expect(verifyWith(type, config, request())).toMatchObject({ reason: 'MISSING_SIGNATURE' });
      const garbage = verifyWith(type, config, await header(name, Promise.resolve('garbage')));
      expect(garbage).toMatchObject({ reason: 'MALFORMED' });
    }
  });

  test('a public key, by the generic way and Wix', async () => {
    const { pem } = pair('RS256');
    const config = { auth_type: 'JWT', auth: { public_key: pem, algorithms: ['RS256'] } };
    const text = await token({});
    const forged = `${text.split('.').slice(0, 2).join('.')}.${'A'.repeat(342)}`;
    expect(await answerWith('HTTP', config, bearer(text))).toEqual({ verified: true });
    const reason = { reason: 'WRONG_SECRET_OR_BODY' };
    expect(await answerWith('HTTP', config, bearer(forged))).toMatchObject(reason);
    const wix = { auth: { webhook_secret_key: pem } };
    const body = (content: string) => request({ body: Buffer.from(content) });
    expect(await answerWith('WIX', wix, body(text))).toMatchObject({ verified: true });
    expect(await answerWith('WIX', wix, body(forged))).toMatchObject(reason);
    expect(verifyWith('WIX', wix, body('{}'))).toMatchObject({ reason: 'MALFORMED' });
  });

  test.each([
    ['HTTP', { auth_type: 'JWT', auth: { jwks_url: JWKS, algorithms: ['RS256'] } }],
    ['GOOGLE_PUBSUB', { auth: { audience: 'a', service_account_email: 'a@b.example' } }],
    ['PLAID', { auth: { environment: 'sandbox', client_id: 'c', client_secret: 's' } }],
    ['FIREBLOCKS', { auth: { environment: 'EU' } }],
    ['NEON', { auth: { neon_auth_url: 'https://auth.example.com' } }],
    ['CIRCLE', { auth: { api_key: 'k' } }],
  ] as [SourceType, SourceConfig][])('%s: a missing token, whoever has the key', (type, config) => {
    expect(verifyWith(type, config, request())).toMatchObject({ reason: 'MISSING_SIGNATURE' });
  });

  test('a key set that is at hand judges at once, a key it does not have waits', async () => {
    const { keys, pass, asked } = network({
      [JWKS]: JSON.stringify({ keys: [pair('RS256').jwk] }),
    });
    const auth = { jwks_url: JWKS, algorithms: ['RS256'], audience: 'a' };
    const verifier = compileVerifier('HTTP', { auth_type: 'JWT', auth });
    if (verifier === null) throw new Error('nothing to verify');
    const good = bearer(await token({ aud: 'a' }));
    const answer = (received: typeof good) => answerOf(verifier, received, keys);
    expect(await answer(good)).toEqual({ deferred: true });
    expect(await verifier.settle?.(good, keys)).toEqual({ verified: true });
    expect(await answer(good)).toEqual({ verified: true });
    const other = bearer(await token({ aud: 'b' }));
    expect(await answer(other)).toMatchObject({ reason: 'WRONG_CLAIMS' });
    const rotated = bearer(await token({ aud: 'a' }, { kid: 'k2' }));
    expect(await answer(rotated)).toEqual({ deferred: true });
    expect(asked).toEqual([JWKS]);
    pass(3_600_001);
    expect(await answer(good)).toEqual({ deferred: true });
  });

  test('an algorithm that is not pinned, whoever has the key', async () => {
    const text = await token({}, { algorithm: 'RS256' });
    const monday = { auth: { webhook_secret_key: 'shared' } };
    const wrong = { reason: 'WRONG_ALGORITHM' };
    expect(verifyWith('HTTP', jwt({}), bearer(text))).toMatchObject(wrong);
    expect(verifyWith('MONDAY', monday, bearer(text))).toMatchObject(wrong);
  });
});
