import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { compileVerifier } from '../../src/verification/compile.ts';
import { verify } from '../../src/verification/engine/engine.ts';
import { signed } from '../../src/verification/providers/define.ts';
import { validateSourceConfig } from '../../src/verification/source-config.ts';
import { AWKWARD_BODY, headersOf, NOW_MS, request, verifyWith } from './support.ts';

const secret = 'the secret';
const seconds = Math.floor(NOW_MS / 1000);
const config = { auth: { webhook_secret_key: secret } };

function hmac(
  content: string | Buffer,
  { key = secret, algorithm = 'sha256' }: { key?: string | Buffer; algorithm?: string } = {},
) {
  return createHmac(algorithm, key).update(content).digest();
}

function github(body: Buffer, key: string | Buffer = secret) {
  return request({
    body,
    headers: [['X-Hub-Signature-256', `sha256=${hmac(body, { key }).toString('hex')}`]],
  });
}

describe('3: every secret is tried', () => {
  const rotated = {
    auth: {
      webhook_secret_key: 'new',
      previous_secrets: [
        { value: 'old', not_after: new Date(NOW_MS + 1000).toISOString() },
        { value: 'forever' },
      ],
    },
  };

  test.each(['new', 'old', 'forever'])('%s verifies while it is valid', (key) => {
    expect(verifyWith('GITHUB', rotated, github(AWKWARD_BODY, key))).toMatchObject({
      verified: true,
    });
  });

  test('an old secret ends with its time, taken at receipt, and the reason says so', () => {
    const late = { ...github(AWKWARD_BODY, 'old'), receivedAtMs: NOW_MS + 1001 };
    expect(verifyWith('GITHUB', rotated, late)).toEqual({
      verified: false,
      reason: 'WRONG_SECRET_OR_BODY',
      hint: 'it matches a secret that is no longer valid',
    });
    const scheme = signed('header:x-dropbox-signature');
    const ended = [{ value: secret, notAfterMs: NOW_MS - 1 }];
    const one = request({
      headers: [['x-dropbox-signature', hmac('{"id":"evt_1"}').toString('hex')]],
    });
    expect(verify(scheme, ended, one)).toMatchObject({
      verified: false,
      reason: 'NO_ACTIVE_SECRET',
    });
  });
});

describe('5: what a secret is made of', () => {
  test('Stripe uses whsec_ as it is written, Standard Webhooks decodes it', () => {
    const whsec = `whsec_${Buffer.from('key of some length').toString('base64')}`;
    const stripe = request({
      headers: [
        [
          'Stripe-Signature',
          `t=${seconds},v1=${hmac(`${seconds}.{"id":"evt_1"}`, { key: whsec }).toString('hex')}`,
        ],
      ],
    });
    expect(verifyWith('STRIPE', { auth: { webhook_secret_key: whsec } }, stripe)).toMatchObject({
      verified: true,
    });
    const standard = request({
      headers: headersOf({
        'webhook-id': 'm',
        'webhook-timestamp': String(seconds),
        'webhook-signature': `v1,${hmac(`m.${seconds}.{"id":"evt_1"}`, { key: 'key of some length' }).toString('base64')}`,
      }),
    });
    expect(verifyWith('OPENAI', { auth: { webhook_secret_key: whsec } }, standard)).toMatchObject({
      verified: true,
    });
  });

  test('Adyen’s is hexadecimal and Airtable’s base64, and saving says so', () => {
    expect(validateSourceConfig('ADYEN', { auth: { webhook_secret_key: 'xyz' } })).toMatchObject({
      errors: [{ path: 'auth.webhook_secret_key' }],
    });
    expect(
      validateSourceConfig('AIRTABLE', { auth: { webhook_secret_key: 'x y z' } }),
    ).toMatchObject({ errors: [{ path: 'auth.webhook_secret_key', message: 'must be base64' }] });
    expect(
      validateSourceConfig('OPENAI', { auth: { webhook_secret_key: 'whsec_?' } }),
    ).toMatchObject({ errors: [{ path: 'auth.webhook_secret_key' }] });
  });

  test.each<[string, string | Buffer, string]>([
    ['  padded  ', 'padded', 'spaces around the secret'],
    [Buffer.from('raw key').toString('base64'), 'raw key', 'base64-decoded'],
    ['abcdef0123456789', Buffer.from('abcdef0123456789', 'hex'), 'hex-decoded'],
    ['plain', 'whsec_plain', 'whsec_ in front'],
    ['whsec_plain', 'plain', 'without whsec_'],
  ])('the secret %j was meant as another: the reason says it', (saved, used, hint) => {
    const verdict = verifyWith(
      'GITHUB',
      { auth: { webhook_secret_key: saved } },
      github(AWKWARD_BODY, used),
    );
    expect(verdict).toMatchObject({ verified: false, hint: expect.stringContaining(hint) });
  });

  test.each<[string, string, string]>([
    ['{"a": 1}', '{"a":1}', 're-serialised'],
    ['{"a":1}\n', '{"a":1}', 'without the newline'],
    ['{"a":1}', '{"a":1}\n', 'newline added'],
    ['\ufeff{"a":1}', '{"a":1}', 'byte order mark'],
  ])('the body %j was signed as %j: the reason says it', (came, wasSigned, hint) => {
    const received = { ...github(Buffer.from(wasSigned)), body: Buffer.from(came) };
    expect(verifyWith('GITHUB', config, received)).toMatchObject({
      verified: false,
      hint: expect.stringContaining(hint),
    });
  });

  test('a wrong secret has no hint, and a secret never stands in one', () => {
    const verdict = verifyWith('GITHUB', config, github(AWKWARD_BODY, 'quite another'));
    expect(verdict).toEqual({ verified: false, reason: 'WRONG_SECRET_OR_BODY' });
  });
});

describe('10 and 13: keys', () => {
  test('an empty secret cannot be saved, and would verify nobody', () => {
    for (const empty of ['', ' ', '\n']) {
      expect(validateSourceConfig('GITHUB', { auth: { webhook_secret_key: empty } })).toMatchObject(
        {
          errors: [{ path: 'auth.webhook_secret_key', message: expect.stringContaining('empty') }],
        },
      );
    }
    expect(
      verifyWith('GITHUB', { auth: { webhook_secret_key: '' } }, github(AWKWARD_BODY, '')),
    ).toMatchObject({ reason: 'NO_ACTIVE_SECRET' });
    expect(compileVerifier('GITHUB', {})).toBeNull();
  });

  test('a key of another kind than the scheme’s cannot be saved', () => {
    const pem = (kind: 'rsa' | 'ed25519') => {
      const pair =
        kind === 'rsa'
          ? generateKeyPairSync('rsa', { modulusLength: 2048 })
          : generateKeyPairSync('ed25519');
      return String(pair.publicKey.export({ format: 'pem', type: 'spki' }));
    };
    const problem = (type: 'DISCORD' | 'WECHAT' | 'SENDGRID', key: string) =>
      validateSourceConfig(type, {
        auth: { [type === 'SENDGRID' ? 'webhook_secret_key' : 'public_key']: key },
      });
    expect(problem('DISCORD', pem('rsa'))).toHaveProperty('errors');
    expect(problem('WECHAT', pem('ed25519'))).toHaveProperty('errors');
    expect(problem('SENDGRID', pem('rsa'))).toHaveProperty('errors');
    expect(problem('DISCORD', 'a'.repeat(64))).toEqual({ ok: true });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(
      problem('WECHAT', String(privateKey.export({ format: 'pem', type: 'pkcs8' }))),
    ).toHaveProperty('errors');
  });

  test('a public key is never used as a shared secret', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const content = `m.${seconds}.{"id":"evt_1"}`;
    const headers = (value: string) =>
      headersOf({
        'webhook-id': 'm',
        'webhook-timestamp': String(seconds),
        'webhook-signature': value,
      });
    const published = { auth: { webhook_secret_key: `whpk_${raw.toString('base64')}` } };
    const v1a = `v1a,${sign(null, Buffer.from(content), privateKey).toString('base64')}`;
    expect(
      verifyWith('STANDARD_WEBHOOKS', published, request({ headers: headers(v1a) })),
    ).toMatchObject({ verified: true });
    const forged = `v1,${hmac(content, { key: raw }).toString('base64')}`;
    expect(
      verifyWith('STANDARD_WEBHOOKS', published, request({ headers: headers(forged) })),
    ).toMatchObject({ verified: false });
    const asV1a = `v1a,${hmac(content, { key: raw }).toString('base64')}`;
    expect(
      verifyWith('STANDARD_WEBHOOKS', published, request({ headers: headers(asV1a) })),
    ).toMatchObject({ verified: false });
  });
});
