import { createHash, createPrivateKey, sign } from 'node:crypto';
import { CompactSign, exportJWK, type JWTPayload } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { base64url, bearer, makePairs, pair, reasonFor, token } from './tokens.ts';
import { AWKWARD_BODY, network, NOW_MS, request } from './support.ts';

const seconds = Math.floor(NOW_MS / 1000);

beforeAll(makePairs);

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
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
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
