import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { defaultIdempotencyKey } from '../../src/verification/compile.ts';
import { validateSourceConfig } from '../../src/verification/source-config.ts';
import type { SourceType } from '../../src/verification/source-types.ts';
import { headersOf, NOW_MS, request, URL_AT_PROVIDER, verifyWith } from './support.ts';

const secret = 'the secret';
const config = { auth: { webhook_secret_key: secret } };
const seconds = String(Math.floor(NOW_MS / 1000));
const hmac = (content: string | Buffer, algorithm = 'sha256') =>
  createHmac(algorithm, secret).update(content);

describe('signatures in more than one form', () => {
  const body = Buffer.from('{"id":"e"}');
  const good = `sha256=${hmac(body).digest('hex')}`;
  const bad = `sha256=${'0'.repeat(64)}`;
  const mollie = (...values: string[]) =>
    verifyWith(
      'MOLLIE',
      config,
      request({ body, headers: values.map((value) => ['X-Mollie-Signature', value] as const) }),
    );

  test('Mollie sends the header twice while it changes its secret', () => {
    for (const values of [[good], [bad, good], [good, bad], [`${bad}, ${good}`]])
      expect([values, mollie(...values)]).toMatchObject([values, { verified: true }]);
    for (const values of [[bad], [bad, bad], [], [good.slice(7)]])
      expect([values, mollie(...values)]).toMatchObject([values, { verified: false }]);
  });

  test('a header that its sender never doubles may still not stand twice', () => {
    const headers = [good, bad].map((value) => ['X-Hub-Signature-256', value] as const);
    expect(verifyWith('GITHUB', config, request({ body, headers }))).toMatchObject({
      reason: 'DUPLICATE_SIGNATURE',
    });
  });

  test('Square has signed in an older header', () => {
    const content = Buffer.concat([Buffer.from(URL_AT_PROVIDER), body]);
    const old = { 'x-square-signature': hmac(content, 'sha1').digest('base64') };
    const now = { 'x-square-hmacsha256-signature': hmac(content).digest('base64') };
    for (const headers of [old, now, { ...old, ...now }])
      expect(
        verifyWith('SQUARE', config, request({ body, headers: headersOf(headers) })),
      ).toMatchObject({ verified: true });
    const swapped = { 'x-square-signature': hmac(content).digest('base64') };
    expect(
      verifyWith('SQUARE', config, request({ body, headers: headersOf(swapped) })),
    ).toMatchObject({ verified: false });
  });

  test('Adyen sends one item as a form, too', () => {
    const key = '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056';
    const adyen = { auth: { webhook_secret_key: key } };
    // Adyen’s own published example.
    const fields = {
      pspReference: '7914073381342284',
      originalReference: '',
      merchantAccountCode: 'TestMerchant',
      merchantReference: 'TestPayment-1407325143704',
      value: '1130',
      currency: 'EUR',
      eventCode: 'AUTHORISATION',
      success: 'true',
      'additionalData.hmacSignature': 'coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=',
    };
    const headers = headersOf({ 'content-type': 'application/x-www-form-urlencoded' });
    const post = (changes: Record<string, string> = {}) =>
      verifyWith(
        'ADYEN',
        adyen,
        request({
          headers,
          body: Buffer.from(new URLSearchParams({ ...fields, ...changes }).toString()),
        }),
      );
    expect(post()).toMatchObject({ verified: true });
    expect(post({ success: 'false' })).toMatchObject({ verified: false });
    // What was sent again with more in it is not the same.
    const [one, again, more] = [post(), post(), post({ reason: 'late' })];
    expect(again).toEqual(one);
    expect(more).not.toEqual(one);
  });

  test('Paddle Classic signs a form', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const paddle = { auth: { webhook_secret_key: pem, version: 'classic' } };
    // As PHP's serialize() writes ['alert_id' => '7', 'name' => 'Zoë'].
    const content = 'a:2:{s:8:"alert_id";s:1:"7";s:4:"name";s:4:"Zoë";}';
    const p_signature = sign('sha1', Buffer.from(content), privateKey).toString('base64');
    const post = (fields: Record<string, string>) =>
      verifyWith(
        'PADDLE',
        paddle,
        request({ body: Buffer.from(new URLSearchParams(fields).toString()) }),
      );
    const fields = { name: 'Zoë', p_signature, alert_id: '7' };
    expect(post(fields)).toEqual({ verified: true, idempotencyKey: '7' });
    expect(post({ ...fields, name: 'Zoe' })).toMatchObject({ verified: false });
    expect(post({ ...fields, more: '' })).toMatchObject({ verified: false });
    expect(post({ name: 'Zoë' })).toMatchObject({ reason: 'MISSING_SIGNATURE' });
    expect(validateSourceConfig('PADDLE', paddle)).toEqual({ ok: true });
    const wrong = { auth: { ...paddle.auth, webhook_secret_key: 'pdl_ntfset_1' } };
    expect(validateSourceConfig('PADDLE', wrong)).toMatchObject({
      errors: [{ path: 'auth.webhook_secret_key' }],
    });
  });

  test('GitLab sends a secret token or signs with a newer one', () => {
    const whsec = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;
    const signed = {
      'webhook-id': 'w-1',
      'webhook-timestamp': seconds,
      'webhook-signature': new Webhook(whsec).sign('w-1', new Date(NOW_MS), body.toString()),
    };
    const gitlab = (api_key: string, headers: Record<string, string>, version = 'token') =>
      verifyWith(
        'GITLAB',
        { auth: { api_key, version } },
        request({ body, headers: headersOf(headers) }),
      );
    expect(gitlab(whsec, signed)).toMatchObject({ verified: true, idempotencyKey: 'w-1' });
    expect(gitlab(whsec, { ...signed, 'webhook-id': 'w-2' })).toMatchObject({ verified: false });
    expect(gitlab('plain', { 'x-gitlab-token': 'plain' })).toMatchObject({ verified: true });
    expect(gitlab('plain', signed)).toMatchObject({ verified: false });
    expect(gitlab(whsec, { 'x-gitlab-token': whsec }, 'signature')).toMatchObject({
      verified: false,
    });
  });

  test('Paymob signs eight fields of a saved card', () => {
    const card = {
      id: 1,
      token: 'tok',
      masked_pan: 'xxxx-1',
      merchant_id: 2,
      card_subtype: 'Visa',
      created_at: '2026-11-20',
      email: 'a@example.com',
      order_id: '3',
    };
    const content = 'Visa2026-11-20a@example.com1xxxx-123tok';
    const rawQuery = `hmac=${hmac(content, 'sha512').digest('hex')}`;
    const post = (type: string) =>
      request({ rawQuery, body: Buffer.from(JSON.stringify({ type, obj: card })) });
    expect(verifyWith('PAYMOB', config, post('TOKEN'))).toMatchObject({ verified: true });
    expect(verifyWith('PAYMOB', config, post('TRANSACTION'))).toMatchObject({ verified: false });
  });

  test('messages without their wrapper carry their id in a header', () => {
    const key = (type: SourceType, headers: Record<string, string>) =>
      defaultIdempotencyKey(type, { received: request({ headers: headersOf(headers) }) });
    expect(key('AWS_SNS', { 'x-amz-sns-message-id': 'm' })).toBe('m');
    const pubsub = { 'X-Goog-Pubsub-Message-Id': '1' };
    const names = ['a', 'b'].map((name) => ({ 'X-Goog-Pubsub-Subscription-Name': name }));
    const [one, other] = names.map((name) => key('GOOGLE_PUBSUB', { ...pubsub, ...name }));
    expect(one).toContain('1');
    expect(other).not.toBe(one);
  });
});
