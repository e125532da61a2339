import { createHmac, createPublicKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { validateSourceConfig, type SourceConfig } from '../../src/verification/source-config.ts';
import type { SourceType } from '../../src/verification/source-types.ts';
import { selfSigned } from './certificate.ts';
import { answerWith, NOW_MS, request, verifyWith } from './support.ts';
import { base64url, makePairs, pair } from './tokens.ts';

const HOUR_MS = 3_600_000;
const certificate = selfSigned({ fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS + HOUR_MS });
let forms: [string, string][] = [];
beforeAll(async () => {
  await makePairs();
  const { pem, jwk } = pair('RS256');
  const key = createPublicKey(pem);
  const der = key.export({ format: 'der', type: 'spki' });
  forms = [
    ['PEM', pem],
    ['PEM after a newline', `\n${pem}`],
    ['PEM on one line', pem.replaceAll('\n', '\\n')],
    ['PKCS#1 PEM', key.export({ format: 'pem', type: 'pkcs1' }).toString()],
    ['base64 of DER', der.toString('base64')],
    ['base64 of DER, broken into lines', der.toString('base64').replace(/.{64}/g, '$&\n')],
    ['hex of DER', der.toString('hex')],
    ['base64 of PKCS#1', key.export({ format: 'der', type: 'pkcs1' }).toString('base64')],
    ['JWK', JSON.stringify(jwk)],
    ['certificate', certificate.pem],
    ['base64 of a certificate', certificate.pem.replace(/-----.*-----|\n/g, '')],
  ];
});

const hs = (auth: object): SourceConfig => ({
  auth_type: 'JWT',
  auth: { algorithms: ['HS256'], ...auth },
});
const SHARED: [SourceType, string, (secret: string) => SourceConfig][] = [
  ['HTTP', 'authorization', (secret) => hs({ webhook_secret_key: secret })],
  ['MONDAY', 'authorization', (secret) => ({ auth: { webhook_secret_key: secret } })],
  [
    'FUSIONAUTH',
    'x-fusionauth-signature-jwt',
    (secret) => ({ auth: { webhook_secret_key: secret } }),
  ],
];

describe('a public key is known to every sender, so it is nobody’s shared secret', () => {
  test.each(SHARED)('%s does not save one in any form', (type, _, config) => {
    for (const [form, secret] of forms) {
      // FusionAuth takes a key in PEM form for what it is.
      const isPem = type === 'FUSIONAUTH' && secret.includes('-----BEGIN');
      const wrong = { errors: [{ path: 'auth.webhook_secret_key' }] };
      const want = isPem ? { ok: true } : wrong;
      expect([form, validateSourceConfig(type, config(secret))]).toMatchObject([form, want]);
    }
  });

  test.each(SHARED)(
    '%s verifies nothing that was signed with one',
    async (type, header, config) => {
      const signed = `${base64url({ alg: 'HS256' })}.${base64url({ exp: 4e9 })}`;
      for (const [form, secret] of forms) {
        for (const key of [secret, secret.trim()]) {
          const mac = createHmac('sha256', key).update(signed).digest('base64url');
          const received = request({ headers: [[header, `${signed}.${mac}`]] });
          const verdict = await answerWith(type, config(secret), received);
          expect([form, verdict]).toMatchObject([form, { verified: false }]);
        }
      }
    },
  );

  test('nor as a previous one, while an ordinary secret is saved', () => {
    const previous = { webhook_secret_key: 's', previous_secrets: [{ value: pair('RS256').pem }] };
    expect(validateSourceConfig('HTTP', hs(previous))).toMatchObject({
      errors: [{ path: 'auth.previous_secrets.0.value' }],
    });
    for (const [type, , config] of SHARED)
      expect(validateSourceConfig(type, config('a shared secret'))).toEqual({ ok: true });
  });
});

test('a public key and an algorithm that is not its own cannot be saved together', () => {
  const problem = (algorithm: string, algorithms: string[]) => {
    const auth = { public_key: pair(algorithm).pem, algorithms };
    return validateSourceConfig('HTTP', { auth_type: 'JWT', auth });
  };
  const wrong = { errors: [{ path: 'auth.algorithms' }] };
  expect(problem('RS256', ['ES256'])).toMatchObject(wrong);
  expect(problem('ES256', ['ES256', 'ES384'])).toMatchObject(wrong);
  expect(problem('EdDSA', ['RS256'])).toMatchObject(wrong);
  expect(problem('RS256', ['RS256', 'PS512'])).toEqual({ ok: true });
  expect(problem('ES256', ['ES256'])).toEqual({ ok: true });
  expect(problem('EdDSA', ['EdDSA'])).toEqual({ ok: true });
});

describe('a secret that is nothing but its prefix', () => {
  const TYPES = ['POLAR', 'STRIPE', 'SVIX', 'GITHUB', 'STANDARD_WEBHOOKS'] as const;
  test.each(TYPES)('cannot be saved for %s', (type) => {
    for (const value of ['whsec_', ' whsec_ ', 'whsec_\n', 'whsec_==', 'whpk_']) {
      const auth = { webhook_secret_key: value };
      expect(validateSourceConfig(type, { auth })).toMatchObject({
        errors: [{ path: 'auth.webhook_secret_key' }],
      });
    }
  });

  test('verifies nobody where an earlier version saved it', () => {
    const at = String(Math.floor(NOW_MS / 1000));
    const body = Buffer.from('{}');
    const mac = createHmac('sha256', 'whsec_').update(`m.${at}.{}`).digest('base64');
    const received = request({
      body,
      headers: [
        ['webhook-id', 'm'],
        ['webhook-timestamp', at],
        ['webhook-signature', `v1,${mac}`],
      ],
    });
    const verdict = verifyWith('POLAR', { auth: { webhook_secret_key: 'whsec_' } }, received);
    expect(verdict).toMatchObject({ verified: false });
  });
});

test('a word of a template that every object has is not known either', () => {
  for (const signed_content of ['{toString}', '{constructor}{body}', '{__proto__}']) {
    const auth = { webhook_secret_key: 's', header_key: 'x-signature', signed_content };
    expect(validateSourceConfig('HTTP', { auth_type: 'HMAC', auth })).toMatchObject({
      errors: [{ path: 'auth.signed_content' }],
    });
  }
});
