import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { headersOf, NOW_MS, request, URL_AT_PROVIDER, verifyWith } from './support.ts';

const secret = 'the secret';
const seconds = Math.floor(NOW_MS / 1000);
const config = { auth: { webhook_secret_key: secret } };
const hmac = (content: string | Buffer, algorithm = 'sha256') =>
  createHmac(algorithm, secret).update(content).digest();

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
    Buffer.from(`${seconds}\nnonce\n${body.toString()}\n`),
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

  const once = Buffer.from(`${NOW_MS}.${body.toString()}`);
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
  const telnyx = sign(null, Buffer.from(`${seconds}|${body.toString()}`), ed.privateKey).toString(
    'base64',
  );
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
