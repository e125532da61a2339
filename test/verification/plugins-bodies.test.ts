import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { headersOf, NOW_MS, request, URL_AT_PROVIDER, verifyWith } from './support.ts';

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
    idempotencyKey: 'w-1',
  });
  expect(
    verifyWith('TREEZOR', config, request({ body: Buffer.from(body.replace('Zoë', 'Zoe')) })),
  ).toMatchObject({ verified: false });
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
    idempotencyKey: '192036465',
  });
  const other = Buffer.from(JSON.stringify({ obj: { ...obj, amount_cents: 1 } }));
  expect(verifyWith('PAYMOB', config, { ...received, body: other })).toMatchObject({
    reason: 'WRONG_SECRET_OR_BODY',
  });
  expect(
    verifyWith('PAYMOB', config, { ...received, rawQuery: `${rawQuery}&hmac=00` }),
  ).toMatchObject({ reason: 'DUPLICATE_SIGNATURE' });
});

test('Alipay signs the sorted form', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const alipay = {
    auth: { public_key: publicKey.export({ format: 'der', type: 'spki' }).toString('base64') },
  };
  const sign2 = sign('sha256', Buffer.from('a=1&notify_id=n-1&z=ü'), privateKey).toString('base64');
  const form = (fields: Record<string, string>) =>
    request({ body: Buffer.from(new URLSearchParams(fields).toString()) });
  const fields = { z: 'ü', notify_id: 'n-1', sign: sign2, a: '1', empty: '', sign_type: 'RSA2' };
  expect(verifyWith('ALIPAY', alipay, form(fields))).toMatchObject({
    verified: true,
    replayKey: 'n-1',
  });
  expect(verifyWith('ALIPAY', alipay, form({ ...fields, a: '2' }))).toMatchObject({
    reason: 'WRONG_SECRET_OR_BODY',
  });
  expect(verifyWith('ALIPAY', alipay, form({ ...fields, sign_type: 'RSA' }))).toMatchObject({
    reason: 'WRONG_ALGORITHM',
  });
});

test('WeChat Pay, Telnyx and Bridge sign with a private key', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = String(rsa.publicKey.export({ format: 'pem', type: 'spki' }));
  const body = Buffer.from('{"id":"evt_1"}');
  const wechat = sign(
    'sha256',
    Buffer.from(`${seconds}\nnonce\n${body}\n`),
    rsa.privateKey,
  ).toString('base64');
  const headers = headersOf({
    'Wechatpay-Timestamp': String(seconds),
    'Wechatpay-Nonce': 'nonce',
    'Wechatpay-Signature': wechat,
  });
  expect(verifyWith('WECHAT', { auth: { public_key: pem } }, request({ headers }))).toMatchObject({
    verified: true,
  });
  expect(
    verifyWith(
      'WECHAT',
      { auth: { public_key: pem } },
      request({ headers, body: Buffer.from('x') }),
    ),
  ).toMatchObject({ verified: false });

  const once = Buffer.from(`${NOW_MS}.${body}`);
  for (const content of [once, createHash('sha256').update(once).digest()]) {
    const value = `t=${NOW_MS},v0=${sign('sha256', content, rsa.privateKey).toString('base64')}`;
    const received = request({ headers: [['X-Webhook-Signature', value]] });
    expect(verifyWith('BRIDGE_XYZ', { auth: { public_key: pem } }, received)).toMatchObject({
      verified: true,
    });
    expect(
      verifyWith(
        'BRIDGE_XYZ',
        { auth: { public_key: pem } },
        { ...received, body: Buffer.from('x') },
      ),
    ).toMatchObject({ verified: false });
  }

  const ed = generateKeyPairSync('ed25519');
  const raw = ed.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  const telnyx = sign(null, Buffer.from(`${seconds}|${body}`), ed.privateKey).toString('base64');
  const telnyxHeaders = headersOf({
    'telnyx-signature-ed25519': telnyx,
    'telnyx-timestamp': String(seconds),
  });
  expect(
    verifyWith('TELNYX', { auth: { public_key: raw } }, request({ headers: telnyxHeaders })),
  ).toMatchObject({ verified: true });
});

test('Quoter signs a form with MD5, Mailchimp one with the URL', () => {
  const hash = createHash('md5').update(`${secret}${seconds}{"q":1}`).digest('hex');
  const quoter = new URLSearchParams({ hash, timestamp: String(seconds), data: '{"q":1}' });
  expect(
    verifyWith('QUOTER', config, request({ body: Buffer.from(quoter.toString()) })),
  ).toMatchObject({ verified: true });
  quoter.set('data', '{"q":2}');
  expect(
    verifyWith('QUOTER', config, request({ body: Buffer.from(quoter.toString()) })),
  ).toMatchObject({ verified: false });

  const events = '[{"event":"send"}]';
  const signature = hmac(`${URL_AT_PROVIDER}mandrill_events${events}`, 'sha1').toString('base64');
  const headers = headersOf({
    'X-Mandrill-Signature': signature,
    'Content-Type': 'application/x-www-form-urlencoded',
  });
  const body = Buffer.from(new URLSearchParams({ mandrill_events: events }).toString());
  expect(verifyWith('MAILCHIMP', config, request({ headers, body }))).toMatchObject({
    verified: true,
  });
  expect(
    verifyWith('MAILCHIMP', config, request({ headers, body, url: 'https://x.example' })),
  ).toMatchObject({ verified: false });
});

test('Microsoft Graph: every notification must carry the client state', () => {
  const body = (...states: (string | undefined)[]) =>
    request({
      body: Buffer.from(JSON.stringify({ value: states.map((clientState) => ({ clientState })) })),
    });
  expect(verifyWith('MICROSOFT_GRAPH', config, body(secret, secret))).toMatchObject({
    verified: true,
  });
  expect(verifyWith('MICROSOFT_GRAPH', config, body(secret, 'other'))).toMatchObject({
    reason: 'WRONG_CREDENTIALS',
  });
  expect(verifyWith('MICROSOFT_GRAPH', config, body(secret, undefined))).toMatchObject({
    reason: 'MISSING_SIGNATURE',
  });
  expect(verifyWith('MICROSOFT_GRAPH', config, request())).toMatchObject({ verified: false });
});
