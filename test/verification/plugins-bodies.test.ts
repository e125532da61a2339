import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NOW_MS, request, verifyWith } from './support.ts';

const secret = 'the secret';
const seconds = Math.floor(NOW_MS / 1000);
const config = { auth: { webhook_secret_key: secret } };
const hmac = (content: string | Buffer, algorithm = 'sha256') =>
  createHmac(algorithm, secret).update(content).digest();

describe('Mailgun', () => {
  const body = (changes: Record<string, string> = {}) => {
    const timestamp = changes['timestamp'] ?? String(seconds);
    const signature = {
      timestamp,
      token: 'token-1',
      signature: hmac(`${timestamp}token-1`).toString('hex'),
      ...changes,
    };
    return Buffer.from(JSON.stringify({ signature, 'event-data': { id: 'e-1' } }));
  };

  test('signs a token, which marks a replay', () => {
    const verdict = verifyWith('MAILGUN', config, request({ body: body() }));
    expect(verdict).toEqual({ verified: true, replayKey: 'token-1', idempotencyKey: 'e-1' });
  });

  test('marks none where the source says so', () => {
    const auth = { ...config.auth, replay_protection: false };
    const verdict = verifyWith('MAILGUN', { auth }, request({ body: body() }));
    expect(verdict).toEqual({ verified: true, idempotencyKey: 'e-1' });
  });

  test('takes a timestamp that is a number', () => {
    const mac = hmac(`${seconds}t`).toString('hex');
    const text = `{"signature":{"timestamp":${seconds},"token":"t","signature":"${mac}"}}`;
    const received = request({ body: Buffer.from(text) });
    expect(verifyWith('MAILGUN', config, received)).toMatchObject({ verified: true });
  });

  test('in a form too', () => {
    const form = new URLSearchParams({
      timestamp: String(seconds),
      token: 't',
      signature: hmac(`${seconds}t`).toString('hex'),
    });
    expect(
      verifyWith('MAILGUN', config, request({ body: Buffer.from(form.toString()) })),
    ).toMatchObject({ verified: true });
  });

  test('refuses another token, another time and no signature', () => {
    expect(
      verifyWith('MAILGUN', config, request({ body: body({ token: 'token-2' }) })),
    ).toMatchObject({ reason: 'WRONG_SECRET_OR_BODY' });
    expect(
      verifyWith('MAILGUN', config, request({ body: body({ timestamp: String(seconds - 301) }) })),
    ).toMatchObject({ reason: 'TIMESTAMP_TOO_OLD' });
    expect(
      verifyWith('MAILGUN', config, request({ body: body({ timestamp: String(seconds + 301) }) })),
    ).toMatchObject({ reason: 'TIMESTAMP_IN_FUTURE' });
    expect(
      verifyWith('MAILGUN', config, request({ body: body({ signature: 'zz' }) })),
    ).toMatchObject({ reason: 'MALFORMED' });
    expect(verifyWith('MAILGUN', config, request())).toMatchObject({ reason: 'MISSING_SIGNATURE' });
  });
});

describe('Adyen', () => {
  const key = '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056';
  const item = (changes: Record<string, unknown> = {}) => {
    const fields = {
      pspReference: '7914073381342284',
      originalReference: '',
      merchantAccountCode: 'TestMerchant',
      merchantReference: 'TestPayment-1407325143704',
      amount: { value: 1130, currency: 'EUR' },
      eventCode: 'AUTHORISATION',
      success: 'true',
    };
    const content =
      '7914073381342284::TestMerchant:TestPayment-1407325143704:1130:EUR:AUTHORISATION:true';
    const hmacSignature = createHmac('sha256', Buffer.from(key, 'hex'))
      .update(content)
      .digest('base64');
    return {
      NotificationRequestItem: { ...fields, additionalData: { hmacSignature }, ...changes },
    };
  };
  const received = (...items: object[]) =>
    request({ body: Buffer.from(JSON.stringify({ live: 'false', notificationItems: items })) });
  const adyen = { auth: { webhook_secret_key: key } };

  test('accepts the signature of Adyen’s own published example', () => {
    const published = item({
      additionalData: { hmacSignature: 'coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=' },
    });
    expect(verifyWith('ADYEN', adyen, received(published))).toMatchObject({ verified: true });
  });

  test('one bad item spoils the batch', () => {
    expect(verifyWith('ADYEN', adyen, received(item(), item()))).toMatchObject({ verified: true });
    expect(verifyWith('ADYEN', adyen, received(item(), item({ success: 'false' })))).toMatchObject({
      reason: 'WRONG_SECRET_OR_BODY',
    });
    expect(
      verifyWith('ADYEN', adyen, received(item(), item({ additionalData: {} }))),
    ).toMatchObject({ reason: 'MISSING_SIGNATURE' });
    expect(verifyWith('ADYEN', adyen, received())).toMatchObject({ reason: 'MALFORMED' });
  });

  test('the platform’s webhooks sign the body', () => {
    const body = Buffer.from('{"type":"balancePlatform"}');
    const signature = createHmac('sha256', Buffer.from(key, 'hex')).update(body).digest('base64');
    const platform = { auth: { ...adyen.auth, format: 'platform' } };
    expect(
      verifyWith('ADYEN', platform, request({ body, headers: [['HmacSignature', signature]] })),
    ).toMatchObject({ verified: true });
  });
});

test('Exact Online signs the bytes of Content as they stand', () => {
  const content = '{ "Topic":"Accounts",  "n":1.0, "x":"a\\"}{" , "Content":{"a":[1,2]} }';
  const body = (text: string) =>
    Buffer.from(
      `{"Before":{"Content":1}, "Content" : ${text} ,"HashCode":"${hmac(content).toString('hex').toUpperCase()}"}`,
    );
  expect(verifyWith('EXACT_ONLINE', config, request({ body: body(content) }))).toMatchObject({
    verified: true,
  });
  expect(
    verifyWith('EXACT_ONLINE', config, request({ body: body(content.replace('1.0', '1')) })),
  ).toMatchObject({ reason: 'WRONG_SECRET_OR_BODY' });
  expect(
    verifyWith(
      'EXACT_ONLINE',
      config,
      request({ body: Buffer.from(`{"Content":${content},"Content":1,"HashCode":"00"}`) }),
    ),
  ).toMatchObject({ verified: false });
  expect(verifyWith('EXACT_ONLINE', config, request({ body: Buffer.alloc(0) }))).toMatchObject({
    reason: 'MISSING_SIGNATURE',
    hint: /registration/,
  });
});

test('Treezor signs what PHP would write', () => {
  const signedText =
    '{"name":"Zo\\u00eb","url":"https:\\/\\/a.example\\/b","emoji":"\\ud83d\\ude00"}';
  const body = JSON.stringify({
    webhook_id: 'w-1',
    object_payload: { name: 'Zoë', url: 'https://a.example/b', emoji: '😀' },
    object_payload_signature: hmac(signedText).toString('base64'),
  });
  expect(verifyWith('TREEZOR', config, request({ body: Buffer.from(body) }))).toEqual({
    verified: true,
    // What Treezor promises of its id is not known, so the body counts as well.
    idempotencyKey: expect.stringContaining('w-1'),
  });
  expect(
    verifyWith('TREEZOR', config, request({ body: Buffer.from(body.replace('Zoë', 'Zoe')) })),
  ).toMatchObject({ verified: false });
});

test.each([
  [
    'numbers and the order of members',
    '{"amount":1.0,"big":12345678901234567890,"2":1,"1":2}',
    '{ "amount": 1.0,\n"big":12345678901234567890, "2":1,"1" : 2 }',
  ],
  [
    'escapes and braces in strings',
    '{"a":"\\u00EB\\/ \\\\\\/","b":[1e3,{"c":"x\\"{ "}]}',
    '{"a": "\\u00EB/ \\\\/", "b": [1e3, {"c": "x\\"{ "}]}',
  ],
])('Treezor’s payload is never parsed and written again: %s', (_, signed, spaced) => {
  const signature = hmac(signed).toString('base64');
  const sent = (text: string) =>
    request({
      body: Buffer.from(`{"object_payload": ${text} ,"object_payload_signature":"${signature}"}`),
    });
  expect(verifyWith('TREEZOR', config, sent(signed))).toMatchObject({ verified: true });
  expect(verifyWith('TREEZOR', config, sent(spaced))).toMatchObject({ verified: true });
  const other = signed.replace('1', '7');
  expect(verifyWith('TREEZOR', config, sent(other))).toMatchObject({ verified: false });
});

test('Paymob signs twenty fields; the signature is in the query', () => {
  const obj = {
    amount_cents: 100000,
    created_at: '2024-06-13T11:33:44.592345',
    currency: 'EGP',
    error_occured: false,
    has_parent_transaction: false,
    id: 192036465,
    integration_id: 4097558,
    is_3d_secure: true,
    is_auth: false,
    is_capture: false,
    is_refunded: false,
    is_standalone_payment: true,
    is_voided: false,
    order: { id: 217503754 },
    owner: 302852,
    pending: false,
    source_data: { pan: '2346', sub_type: 'MasterCard', type: 'card' },
    success: true,
  };
  const content =
    '1000002024-06-13T11:33:44.592345EGPfalsefalse1920364654097558truefalsefalsefalsetruefalse217503754302852false2346MasterCardcardtrue';
  const rawQuery = `hmac=${hmac(content, 'sha512').toString('hex')}`;
  const received = request({
    rawQuery,
    body: Buffer.from(JSON.stringify({ type: 'TRANSACTION', obj })),
  });
  expect(verifyWith('PAYMOB', config, received)).toEqual({
    verified: true,
  });
  const other = Buffer.from(JSON.stringify({ obj: { ...obj, amount_cents: 1 } }));
  expect(verifyWith('PAYMOB', config, { ...received, body: other })).toMatchObject({
    reason: 'WRONG_SECRET_OR_BODY',
  });
  expect(
    verifyWith('PAYMOB', config, { ...received, rawQuery: `${rawQuery}&hmac=00` }),
  ).toMatchObject({ reason: 'DUPLICATE_SIGNATURE' });
});
