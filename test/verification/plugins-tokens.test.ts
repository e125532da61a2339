import { createHash, createHmac, createPrivateKey, sign } from 'node:crypto';
import {
  CompactSign,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  SignJWT,
  type JWK,
  type JWTPayload,
} from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { validateSourceConfig, type SourceConfig } from '../../src/verification/source-config.ts';
import type { SourceType } from '../../src/verification/source-types.ts';
import { AWKWARD_BODY, network, NOW_MS, request, settleWith } from './support.ts';

const seconds = Math.floor(NOW_MS / 1000);
const JWKS = 'https://issuer.example.com/jwks.json';

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
type Pair = { privateKey: PrivateKey; jwk: JWK; pem: string };
const pairs: Record<string, Pair> = {};

beforeAll(async () => {
  for (const algorithm of ['RS256', 'RS512', 'ES256', 'EdDSA']) {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: algorithm };
    pairs[algorithm] = { privateKey, jwk, pem: await exportSPKI(publicKey) };
  }
});

const pair = (algorithm: string): Pair => {
  const found = pairs[algorithm];
  if (found === undefined) throw new Error(algorithm);
  return found;
};

function token(
  claims: JWTPayload,
  {
    algorithm = 'RS256',
    kid = 'k1',
    key,
  }: { algorithm?: string; kid?: string; key?: Uint8Array } = {},
) {
  return new SignJWT({ iat: seconds, exp: seconds + 600, ...claims })
    .setProtectedHeader({ alg: algorithm, kid })
    .sign(key ?? pair(algorithm).privateKey);
}

const bearer = (text: string) => request({ headers: [['Authorization', `Bearer ${text}`]] });
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

async function reasonFor(
  type: SourceType,
  config: SourceConfig,
  options: Parameters<typeof settleWith>[2],
) {
  const verdict = await settleWith(type, config, options);
  if ('deferred' in verdict) throw new Error('still deferred');
  return verdict.verified ? 'verified' : verdict.reason;
}

describe('JSON Web Tokens from a key set', () => {
  const config: SourceConfig = {
    auth_type: 'JWT',
    auth: { jwks_url: JWKS, algorithms: ['RS256'], audience: 'sluice', issuer: 'issuer' },
  };
  const good = { aud: 'sluice', iss: 'issuer' };
  const net = () => network({ [JWKS]: JSON.stringify({ keys: [pair('RS256').jwk] }) });
  const reason = async (text: string, one = net()) =>
    reasonFor('WEBHOOK', config, { received: bearer(text), keys: one.keys });

  test('accepts a good one and fetches the key set once', async () => {
    const one = net();
    for (let count = 0; count < 3; count++)
      expect(await reason(await token(good), one)).toBe('verified');
    expect(one.asked).toEqual([JWKS]);
  });

  test('refuses alg none, HS256 with the public key, and an algorithm that is not pinned', async () => {
    const payload = base64url({ ...good, exp: seconds + 600 });
    expect(await reason(`${base64url({ alg: 'none' })}.${payload}.`)).not.toBe('verified');
    expect(
      await reason(await token(good, { algorithm: 'HS256', key: Buffer.from(pair('RS256').pem) })),
    ).toBe('WRONG_ALGORITHM');
    expect(await reason(await token(good, { algorithm: 'ES256' }))).toBe('WRONG_ALGORITHM');
    const parts = (await token(good)).split('.');
    const hs = `${base64url({ alg: 'HS256', kid: 'k1' })}.${parts[1]}`;
    const mac = createHmac('sha256', pair('RS256').pem).update(hs).digest('base64url');
    expect(await reason(`${hs}.${mac}`)).toBe('WRONG_ALGORITHM');
  });

  test('names what is wrong with the claims', async () => {
    expect(await reason(await token({ ...good, aud: 'other' }))).toBe('WRONG_CLAIMS');
    expect(await reason(await token({ ...good, iss: 'other' }))).toBe('WRONG_CLAIMS');
    expect(await reason(await token({ ...good, exp: seconds - 120 }))).toBe('TIMESTAMP_TOO_OLD');
    expect(await reason(await token({ ...good, nbf: seconds + 120 }))).toBe('TIMESTAMP_IN_FUTURE');
    const text = await token(good);
    expect(await reason(`${text.slice(0, -4)}AAAA`)).toBe('WRONG_SECRET_OR_BODY');
    for (const bad of ['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', '..'])
      expect(await reason(bad)).not.toBe('verified');
  });

  test('asks again for a key it does not know, but at most once a minute', async () => {
    const one = net();
    const strange = await token(good, { kid: 'k2' });
    for (let count = 0; count < 20; count++)
      expect(await reason(strange, one)).toBe('KEY_NOT_FOUND');
    expect(one.asked.length).toBeLessThanOrEqual(2);
    one.pass(61_000);
    await reason(strange, one);
    expect(one.asked.length).toBeLessThanOrEqual(3);
  });

  test('refuses key sets that are too large, too many keys, or no key sets', async () => {
    const many = {
      keys: Array.from({ length: 101 }, (_, index) => ({ ...pair('ES256').jwk, kid: `k${index}` })),
    };
    for (const document of [
      JSON.stringify(many),
      JSON.stringify({ keys: 'no' }),
      '[]',
      'null',
      '<html>',
      ' '.repeat(70_000),
    ]) {
      expect(await reason(await token(good), network({ [JWKS]: document }))).toBe(
        'KEY_UNAVAILABLE',
      );
    }
    const shared = { keys: [{ kty: 'oct', kid: 'k1', alg: 'HS256', k: base64url('key') }] };
    expect(await reason(await token(good), network({ [JWKS]: JSON.stringify(shared) }))).toBe(
      'KEY_NOT_FOUND',
    );
  });

  test('the clock is that of receipt', async () => {
    const text = await token({ ...good, exp: seconds + 10 });
    const late = { ...bearer(text), receivedAtMs: NOW_MS + 3_600_000 };
    expect(await reasonFor('WEBHOOK', config, { received: late, keys: net().keys })).toBe(
      'TIMESTAMP_TOO_OLD',
    );
    expect(await reason(text)).toBe('verified');
  });

  test('a public key cannot be saved with HS256, nor a secret with RS256, nor none at all', () => {
    const problem = (auth: object) => validateSourceConfig('HTTP', { auth_type: 'JWT', auth });
    expect(problem({ public_key: pair('RS256').pem, algorithms: ['HS256'] })).toMatchObject({
      errors: [{ path: 'auth.algorithms' }],
    });
    expect(problem({ jwks_url: JWKS, algorithms: ['RS256', 'HS256'] })).toMatchObject({
      errors: [{ path: 'auth.algorithms' }],
    });
    expect(problem({ webhook_secret_key: 's', algorithms: ['RS256'] })).toMatchObject({
      errors: [{ path: 'auth.algorithms' }],
    });
    expect(problem({ jwks_url: JWKS, algorithms: ['none'] })).toMatchObject({
      errors: [{ path: 'auth.algorithms.0' }],
    });
    expect(
      problem({ jwks_url: 'http://issuer.example.com/', algorithms: ['RS256'] }),
    ).toMatchObject({ errors: [{ path: 'auth.jwks_url' }] });
    expect(problem({ algorithms: ['RS256'] })).toMatchObject({
      errors: [{ path: 'auth.jwks_url' }],
    });
    expect(problem({ public_key: pair('RS256').pem, algorithms: ['RS256'] })).toEqual({ ok: true });
  });

  test('a public key and a shared secret verify too', async () => {
    const keys = network({}).keys;
    const byPem: SourceConfig = {
      auth_type: 'JWT',
      auth: { public_key: pair('ES256').pem, algorithms: ['ES256'] },
    };
    expect(
      await reasonFor('HTTP', byPem, {
        received: bearer(await token({}, { algorithm: 'ES256' })),
        keys,
      }),
    ).toBe('verified');
    const bySecret: SourceConfig = {
      auth_type: 'JWT',
      auth: { webhook_secret_key: 'shared', algorithms: ['HS256'] },
    };
    const shared = await token({}, { algorithm: 'HS256', key: Buffer.from('shared') });
    expect(await reasonFor('HTTP', bySecret, { received: bearer(shared), keys })).toBe('verified');
  });
});

describe('providers that sign with tokens', () => {
  test('Google Pub/Sub: audience, issuer and account', async () => {
    const config = {
      auth: {
        audience: 'https://hooks.example.com',
        service_account_email: 'push@project.iam.gserviceaccount.com',
      },
    };
    const keys = network({
      'https://www.googleapis.com/oauth2/v3/certs': JSON.stringify({ keys: [pair('RS256').jwk] }),
    }).keys;
    const good = {
      aud: 'https://hooks.example.com',
      iss: 'https://accounts.google.com',
      email: 'push@project.iam.gserviceaccount.com',
      email_verified: true,
    };
    const reason = async (claims: JWTPayload) =>
      reasonFor('GOOGLE_PUBSUB', config, { received: bearer(await token(claims)), keys });
    expect(await reason(good)).toBe('verified');
    expect(await reason({ ...good, email: 'other@project.iam.gserviceaccount.com' })).toBe(
      'WRONG_CLAIMS',
    );
    expect(await reason({ ...good, email_verified: false })).toBe('WRONG_CLAIMS');
    expect(await reason({ ...good, iss: 'https://evil.example' })).toBe('WRONG_CLAIMS');
    expect(await reason({ ...good, aud: 'x' })).toBe('WRONG_CLAIMS');
  });

  test('Plaid: the digest of the body, five minutes, the key by id', async () => {
    const config = { auth: { environment: 'sandbox', client_id: 'c', client_secret: 's' } };
    const one = network({
      'https://sandbox.plaid.com/webhook_verification_key/get': ({ body }) =>
        String(body).includes('"key_id":"k1"')
          ? JSON.stringify({ key: { ...pair('ES256').jwk, expired_at: null } })
          : '{}',
    });
    const digest = createHash('sha256').update(AWKWARD_BODY).digest('hex');
    const reason = async (claims: JWTPayload, body = AWKWARD_BODY, algorithm = 'ES256') => {
      const text = await token({ request_body_sha256: digest, ...claims }, { algorithm });
      return reasonFor('PLAID', config, {
        received: request({ body, headers: [['Plaid-Verification', text]] }),
        keys: one.keys,
      });
    };
    expect(await reason({})).toBe('verified');
    expect(await reason({}, Buffer.concat([AWKWARD_BODY, Buffer.from(' ')]))).toBe(
      'WRONG_SECRET_OR_BODY',
    );
    expect(await reason({ iat: seconds - 400 })).not.toBe('verified');
    expect(await reason({}, AWKWARD_BODY, 'RS256')).toBe('WRONG_ALGORITHM');
    expect(one.asked).toHaveLength(1);
  });

  test('FusionAuth: shared secret or public key, and the digest of the body', async () => {
    const keys = network({}).keys;
    const digest = createHash('sha256').update(AWKWARD_BODY).digest('base64');
    const received = async (algorithm: string, key?: Uint8Array) =>
      request({
        body: AWKWARD_BODY,
        headers: [
          [
            'X-FusionAuth-Signature-JWT',
            await token(
              { request_body_sha256: digest },
              key === undefined ? { algorithm } : { algorithm, key },
            ),
          ],
        ],
      });
    const secret = { auth: { webhook_secret_key: 'shared secret' } };
    const published = { auth: { webhook_secret_key: pair('RS256').pem } };
    const shared = await received('HS256', Buffer.from('shared secret'));
    expect(await reasonFor('FUSIONAUTH', secret, { received: shared, keys })).toBe('verified');
    expect(
      await reasonFor('FUSIONAUTH', published, { received: await received('RS256'), keys }),
    ).toBe('verified');
    expect(
      await reasonFor('FUSIONAUTH', secret, {
        received: { ...shared, body: Buffer.from('x') },
        keys,
      }),
    ).toBe('WRONG_SECRET_OR_BODY');
    const confused = await received('HS256', Buffer.from(pair('RS256').pem));
    expect(await reasonFor('FUSIONAUTH', published, { received: confused, keys })).toBe(
      'WRONG_ALGORITHM',
    );
  });

  test('monday.com: HS256 with the signing secret', async () => {
    const keys = network({}).keys;
    const config = { auth: { webhook_secret_key: 'signing' } };
    const text = await token({}, { algorithm: 'HS256', key: Buffer.from('signing') });
    expect(
      await reasonFor('MONDAY', config, {
        received: request({ headers: [['Authorization', text]] }),
        keys,
      }),
    ).toBe('verified');
    const other = await token({}, { algorithm: 'HS256', key: Buffer.from('other') });
    expect(
      await reasonFor('MONDAY', config, {
        received: request({ headers: [['Authorization', other]] }),
        keys,
      }),
    ).toBe('WRONG_SECRET_OR_BODY');
  });

  test('Wix: the body is the token', async () => {
    const keys = network({}).keys;
    const config = { auth: { webhook_secret_key: pair('RS256').pem } };
    const text = await token({ data: '{}' });
    expect(
      await reasonFor('WIX', config, { received: request({ body: Buffer.from(text) }), keys }),
    ).toBe('verified');
    expect(
      await reasonFor('WIX', config, {
        received: request({ body: Buffer.from(text.replace(/.{3}$/, 'AAA')) }),
        keys,
      }),
    ).not.toBe('verified');
  });

  test('Fireblocks: a detached signature with the keys of the region', async () => {
    const keys = network({
      'https://keys.fireblocks.io/.well-known/jwks.json': JSON.stringify({
        keys: [pair('RS512').jwk],
      }),
    }).keys;
    const config = { auth: { environment: 'US_PRODUCTION' } };
    const whole = await new CompactSign(AWKWARD_BODY)
      .setProtectedHeader({ alg: 'RS512', kid: 'k1' })
      .sign(pair('RS512').privateKey);
    const [header, , signature] = whole.split('.');
    const received = request({
      body: AWKWARD_BODY,
      headers: [['Fireblocks-Webhook-Signature', `${header}..${signature}`]],
    });
    expect(await reasonFor('FIREBLOCKS', config, { received, keys })).toBe('verified');
    expect(
      await reasonFor('FIREBLOCKS', config, {
        received: { ...received, body: Buffer.from('{}') },
        keys,
      }),
    ).toBe('WRONG_SECRET_OR_BODY');
    const attached = { ...received, headers: [['Fireblocks-Webhook-Signature', whole] as const] };
    expect(await reasonFor('FIREBLOCKS', config, { received: attached, keys })).toBe('MALFORMED');
  });

  test('Neon: twice encoded, with its own timestamp', async () => {
    const keys = network({
      'https://auth.example.com/x/.well-known/jwks.json': JSON.stringify({
        keys: [pair('EdDSA').jwk],
      }),
    }).keys;
    const config = { auth: { neon_auth_url: 'https://auth.example.com/x/' } };
    const jwk = await exportJWK(pair('EdDSA').privateKey);
    const privateKey = createPrivateKey({ key: jwk as Record<string, string>, format: 'jwk' });
    const at = (ms: number) => {
      const header = base64url({ alg: 'EdDSA', kid: 'k1' });
      const inner = Buffer.from(`${ms}.${AWKWARD_BODY.toString('base64url')}`).toString(
        'base64url',
      );
      const signature = sign(null, Buffer.from(`${header}.${inner}`), privateKey).toString(
        'base64url',
      );
      return request({
        body: AWKWARD_BODY,
        headers: [
          ['X-Neon-Signature', `${header}..${signature}`],
          ['X-Neon-Signature-Kid', 'k1'],
          ['X-Neon-Timestamp', String(ms)],
        ],
      });
    };
    expect(await reasonFor('NEON', config, { received: at(NOW_MS), keys })).toBe('verified');
    expect(await reasonFor('NEON', config, { received: at(NOW_MS - 301_000), keys })).toBe(
      'TIMESTAMP_TOO_OLD',
    );
    expect(
      await reasonFor('NEON', config, {
        received: { ...at(NOW_MS), body: Buffer.from('x') },
        keys,
      }),
    ).toBe('WRONG_SECRET_OR_BODY');
  });
});
