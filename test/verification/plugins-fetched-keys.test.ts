import { generateKeyPairSync, sign } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { selfSigned } from './certificate.ts';
import {
  AWKWARD_BODY,
  headersOf,
  network,
  NOW_MS,
  request,
  settleWith,
  verifyWith,
} from './support.ts';

const certificate = selfSigned({ fromMs: NOW_MS - 86_400_000, toMs: NOW_MS + 86_400_000 });

describe('PayPal', () => {
  const url = 'https://api.paypal.com/v1/notifications/certs/CERT-1';
  const time = new Date(NOW_MS - 60_000).toISOString();
  const config = { auth: { webhook_id: 'WH-1' } };
  const headers = (changes: Record<string, string> = {}) => {
    const content = ['t-1', time, 'WH-1', crc32(AWKWARD_BODY)].join('|');
    return headersOf({
      'PAYPAL-TRANSMISSION-ID': 't-1',
      'PAYPAL-TRANSMISSION-TIME': time,
      'PAYPAL-TRANSMISSION-SIG': sign(
        'sha256',
        Buffer.from(content),
        certificate.privateKey,
      ).toString('base64'),
      'PAYPAL-CERT-URL': url,
      'PAYPAL-AUTH-ALGO': 'SHA256withRSA',
      ...changes,
    });
  };
  const keys = () => network({ [url]: certificate.pem }).keys;

  test('accepts a signature over id, time, webhook id and checksum', async () => {
    const received = request({ headers: headers(), body: AWKWARD_BODY });
    expect(await settleWith('PAYPAL', config, { received, keys: keys() })).toMatchObject({
      verified: true,
      replayKey: 't-1',
    });
  });

  test('refuses another body, another webhook, another algorithm and another host', async () => {
    const received = request({ headers: headers(), body: AWKWARD_BODY });
    const reasonOf = async (one: typeof received, other = config) => {
      const verdict = await settleWith('PAYPAL', other, { received: one, keys: keys() });
      return 'reason' in verdict ? verdict.reason : 'verified';
    };
    expect(await reasonOf({ ...received, body: Buffer.from('x') })).toBe('WRONG_SECRET_OR_BODY');
    expect(await reasonOf(received, { auth: { webhook_id: 'WH-2' } })).toBe('WRONG_SECRET_OR_BODY');
    expect(await reasonOf({ ...received, headers: headers({ 'PAYPAL-AUTH-ALGO': 'none' }) })).toBe(
      'WRONG_ALGORITHM',
    );
    const hostile = headers({ 'PAYPAL-CERT-URL': 'https://paypal.com.evil.example/c' });
    expect(await reasonOf({ ...received, headers: hostile })).toBe('UNTRUSTED_KEY_URL');
    expect(await reasonOf({ ...received, headers: [...headers(), ['paypal-cert-url', url]] })).toBe(
      'DUPLICATE_SIGNATURE',
    );
    expect(await reasonOf({ ...received, receivedAtMs: NOW_MS + 5 * 86_400_000 })).toBe(
      'TIMESTAMP_TOO_OLD',
    );
  });
});

describe('keys fetched by their id', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');

  test('eBay: an application token, then the key, each fetched once', async () => {
    const net = network({
      'https://api.ebay.com/identity/v1/oauth2/token': ({ headers, body }) =>
        headers?.['authorization'] === `Basic ${Buffer.from('client:secret').toString('base64')}` &&
        body?.includes('client_credentials') === true
          ? '{"access_token":"at"}'
          : '{}',
      'https://api.ebay.com/commerce/notification/v1/public_key/kid-1': ({ headers }) =>
        headers?.['authorization'] === 'Bearer at'
          ? JSON.stringify({
              key: `-----BEGIN PUBLIC KEY-----${der}-----END PUBLIC KEY-----`,
              algorithm: 'ECDSA',
              digest: 'SHA1',
            })
          : '{}',
    });
    const body = Buffer.from('{"metadata":{"topic":"x"},"notification":{"notificationId":"n-1"}}');
    const signature = sign('sha1', body, privateKey).toString('base64');
    const header = (kid: string) =>
      Buffer.from(JSON.stringify({ alg: 'ecdsa', kid, signature, digest: 'SHA1' })).toString(
        'base64',
      );
    const config = {
      auth: { client_id: 'client', client_secret: 'secret', environment: 'PRODUCTION' },
    };
    const received = request({ body, headers: [['x-ebay-signature', header('kid-1')]] });
    expect(await settleWith('EBAY', config, { received, keys: net.keys })).toEqual({
      verified: true,
      idempotencyKey: 'n-1',
    });
    await settleWith('EBAY', config, { received, keys: net.keys });
    expect(net.asked).toHaveLength(2);
    const other = { ...received, body: Buffer.from('{}') };
    expect(await settleWith('EBAY', config, { received: other, keys: net.keys })).toMatchObject({
      reason: 'WRONG_SECRET_OR_BODY',
    });
    const traversal = {
      ...received,
      headers: [['x-ebay-signature', header('../../../secrets')] as const],
    };
    expect(verifyWith('EBAY', config, traversal)).toMatchObject({ reason: 'MALFORMED' });
  });

  test('Circle: the key belongs to the id in the header', async () => {
    const id = '879dc113-5ca4-4ff7-a6b7-54652083fcf8';
    const net = network({
      [`https://api.circle.com/v2/notifications/publicKey/${id}`]: ({ headers }) =>
        headers?.['authorization'] === 'Bearer key'
          ? JSON.stringify({ data: { publicKey: der } })
          : '{}',
    });
    const signature = sign('sha256', AWKWARD_BODY, privateKey).toString('base64');
    const received = request({
      body: AWKWARD_BODY,
      headers: headersOf({ 'X-Circle-Key-Id': id, 'X-Circle-Signature': signature }),
    });
    const config = { auth: { api_key: 'key' } };
    expect(await settleWith('CIRCLE', config, { received, keys: net.keys })).toMatchObject({
      verified: true,
    });
    const other = { ...received, body: Buffer.from('{}') };
    expect(await settleWith('CIRCLE', config, { received: other, keys: net.keys })).toMatchObject({
      reason: 'WRONG_SECRET_OR_BODY',
    });
    const hostile = {
      ...received,
      headers: headersOf({ 'X-Circle-Key-Id': '../x', 'X-Circle-Signature': signature }),
    };
    expect(await settleWith('CIRCLE', config, { received: hostile, keys: net.keys })).toMatchObject(
      { reason: 'MALFORMED' },
    );
  });

  test('a key server that is away, slow or wordy is a reason, not an exception, and is asked again soon', async () => {
    const id = '879dc113-5ca4-4ff7-a6b7-54652083fcf8';
    let up = false;
    const net = network({
      [`https://api.circle.com/v2/notifications/publicKey/${id}`]: () => {
        if (!up) throw new Error('connection refused');
        return JSON.stringify({ data: { publicKey: der } });
      },
    });
    const signature = sign('sha256', AWKWARD_BODY, privateKey).toString('base64');
    const received = request({
      body: AWKWARD_BODY,
      headers: headersOf({ 'X-Circle-Key-Id': id, 'X-Circle-Signature': signature }),
    });
    const config = { auth: { api_key: 'key' } };
    expect(await settleWith('CIRCLE', config, { received, keys: net.keys })).toMatchObject({
      reason: 'KEY_UNAVAILABLE',
    });
    up = true;
    net.pass(3_000);
    expect(await settleWith('CIRCLE', config, { received, keys: net.keys })).toMatchObject({
      verified: true,
    });
    const wordy = network({
      [`https://api.circle.com/v2/notifications/publicKey/${id}`]: ' '.repeat(70_000),
    });
    expect(await settleWith('CIRCLE', config, { received, keys: wordy.keys })).toMatchObject({
      reason: 'KEY_UNAVAILABLE',
    });
  });
});
