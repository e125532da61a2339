import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { compileVerifier, defaultIdempotencyKey } from '../../src/verification/compile.ts';
import { providersPage } from '../../src/verification/docs.ts';
import { plugins } from '../../src/verification/plugins/table.ts';
import {
  authSchemaFor,
  authTypesFor,
  validateSourceConfig,
} from '../../src/verification/source-config.ts';
import { isSourceType, sourceTypeNames, sourceTypes } from '../../src/verification/source-types.ts';
import { headersOf, request } from './support.ts';

function problems(...args: Parameters<typeof validateSourceConfig>): string[] {
  const check = validateSourceConfig(...args);
  return 'errors' in check ? check.errors.map(({ path }) => path) : [];
}

describe('a wrong configuration names the field', () => {
  test('and says in our own words what is wrong, for the authentication of every type', () => {
    expect(validateSourceConfig('STRIPE', { auth: {} })).toEqual({
      errors: [{ path: 'auth.webhook_secret_key', message: 'is required' }],
    });
    const wrong = [
      ...sourceTypeNames.map((type) => ({ type, auth_type: null })),
      ...authTypesFor('WEBHOOK').map((authType) => ({
        type: 'WEBHOOK' as const,
        auth_type: authType,
      })),
    ].flatMap(({ type, auth_type }) =>
      [{}, { webhook_secret_key: 7, tolerance_seconds: 'x', public_key: [] }].flatMap((auth) => {
        const check = validateSourceConfig(type, { ...(auth_type && { auth_type }), auth });
        return 'errors' in check ? check.errors : [];
      }),
    );
    expect(wrong.length).toBeGreaterThan(200);
    expect(wrong.filter(({ message }) => /^(?:Invalid|Too|Unrecognized)/.test(message))).toEqual(
      [],
    );
  });

  test('missing, unknown, empty, of the wrong type', () => {
    expect(problems('GITHUB', { auth: {} })).toEqual(['auth.webhook_secret_key']);
    expect(problems('GITHUB', { auth: { webhook_secret: 'x' } })).toEqual([
      'auth.webhook_secret_key',
      'auth.webhook_secret',
    ]);
    expect(problems('GITHUB', { auth: { webhook_secret_key: '' } })).toEqual([
      'auth.webhook_secret_key',
    ]);
    expect(problems('GITHUB', { auth: { webhook_secret_key: 7 } })).toEqual([
      'auth.webhook_secret_key',
    ]);
    expect(problems('GITHUB', { auth: 'x' })).toEqual(['auth']);
    expect(problems('CHARGEBEE_BILLING', { auth: { username: 'u', password: '' } })).toEqual([
      'auth.password',
    ]);
    expect(problems('EBAY', { auth: { environment: 'MOON' } })).toContain('auth.environment');
    expect(problems('FIREBLOCKS', { auth: {} })).toEqual(['auth.environment']);
    expect(
      problems('GOOGLE_PUBSUB', { auth: { audience: 'x', service_account_email: 'no' } }),
    ).toEqual(['auth.service_account_email']);
  });

  test('the settings every source has', () => {
    const auth = { webhook_secret_key: 's' };
    expect(problems('GITHUB', { auth: { ...auth, tolerance_seconds: -1 } })).toEqual([
      'auth.tolerance_seconds',
    ]);
    expect(problems('GITHUB', { auth: { ...auth, previous_secrets: [{ value: '' }] } })).toEqual([
      'auth.previous_secrets.0.value',
    ]);
    expect(
      problems('GITHUB', {
        auth: { ...auth, previous_secrets: [{ value: 'x', not_after: 'soon' }] },
      }),
    ).toEqual(['auth.previous_secrets.0.not_after']);
    expect(
      problems('OPENAI', {
        auth: { webhook_secret_key: 'c2VjcmV0', previous_secrets: [{ value: '?' }] },
      }),
    ).toEqual(['auth.previous_secrets.0.value']);
    expect(problems('SQUARE', { auth: { ...auth, registered_url: 'ftp://x' } })).toEqual([
      'auth.registered_url',
    ]);
    expect(problems('GITHUB', { allowed_http_methods: ['BREW'] })).toEqual([
      'allowed_http_methods.0',
    ]);
    expect(problems('GITHUB', { custom_response: { content_type: 'json', body: '{' } })).toEqual([
      'custom_response.body',
    ]);
    expect(
      problems('GITHUB', { custom_response: { content_type: 'text', body: 'é'.repeat(20_000) } }),
    ).toEqual(['custom_response.body']);
    expect(problems('GITHUB', { unverified_status: 500 })).toEqual(['unverified_status']);
  });

  test('what auth is for', () => {
    expect(problems('WEBHOOK', { auth: { webhook_secret_key: 's' } })).toEqual(['auth_type']);
    expect(problems('WEBHOOK', { auth_type: 'MAGIC', auth: {} })).toEqual(['auth_type']);
    expect(problems('HTTP', { auth_type: 'GITHUB', auth: { webhook_secret_key: 's' } })).toEqual([
      'auth_type',
    ]);
    expect(problems('GITHUB', { auth_type: 'HMAC' })).toEqual(['auth_type']);
    expect(
      problems('WEBHOOK', {
        auth_type: 'HMAC',
        auth: { webhook_secret_key: 's', header_key: 'X Y' },
      }),
    ).toEqual(['auth.header_key']);
    expect(
      problems('WEBHOOK', {
        auth_type: 'HMAC',
        auth: { webhook_secret_key: 's', header_key: 'X', signed_content: '{nope}' },
      }),
    ).toEqual(['auth.signed_content']);
    expect(problems('ASCEND', { auth: { webhook_secret_key: 's' } })).toEqual(['auth.header_key']);
    expect(authTypesFor('HTTP')).not.toContain('GITHUB');
    expect(authTypesFor('WEBHOOK')).toEqual(
      expect.arrayContaining(['HMAC', 'GITHUB', 'STANDARD_WEBHOOKS']),
    );
  });

  test('what is right is accepted', () => {
    expect(problems('WEBHOOK', {})).toEqual([]);
    expect(problems('WEBHOOK', null)).toEqual([]);
    expect(problems('AWS_SNS', { auth: {} })).toEqual([]);
    expect(problems('STRAVA', { auth: {} })).toEqual([]);
    expect(
      problems('GITHUB', {
        auth_type: null,
        auth: { webhook_secret_key: 's', tolerance_seconds: 0 },
        custom_response: null,
      }),
    ).toEqual([]);
    expect(
      problems('STANDARD_WEBHOOKS', {
        auth: { webhook_secret_key: `whpk_${Buffer.alloc(32, 1).toString('base64')}` },
      }),
    ).toEqual([]);
  });
});

describe('the tables', () => {
  test('every type has a schema the API can publish, and a verifier where it has a scheme', () => {
    for (const type of sourceTypeNames) {
      expect(() => z.toJSONSchema(authSchemaFor(type), { io: 'input' })).not.toThrow();
      expect(() => compileVerifier(type, {})).not.toThrow();
      const { scheme, secretField, fields } = sourceTypes[type];
      expect(scheme.kind !== 'plugin' || Object.hasOwn(plugins, scheme.name)).toBe(true);
      expect(secretField === null || Object.hasOwn(fields, secretField)).toBe(true);
    }
    expect(sourceTypeNames.length).toBeGreaterThanOrEqual(175);
  });

  test('a configuration that cannot be read verifies nobody, and throws nothing', () => {
    const verifier = compileVerifier('ASCEND', {
      auth: { webhook_secret_key: 's', header_key: 'x', signed_content: '{unknown}' },
    });
    expect(verifier?.verify(request())).toMatchObject({ verified: false, reason: 'MALFORMED' });
  });

  test('names that look like a type are none', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'github', ''])
      expect(isSourceType(name)).toBe(false);
  });

  test('the provider’s own id makes a delivery the same delivery', () => {
    const key = (
      type: Parameters<typeof defaultIdempotencyKey>[0],
      received: ReturnType<typeof request>,
    ) => defaultIdempotencyKey(type, { received });
    expect(key('GITHUB', request({ headers: [['x-github-delivery', 'd']] }))).toBe('d');
    expect(
      key(
        'GITHUB',
        request({
          headers: [
            ['x-github-delivery', 'd'],
            ['x-github-delivery', 'e'],
          ],
        }),
      ),
    ).toBeUndefined();
    expect(key('STRIPE', request())).toBe('evt_1');
    expect(key('AWS_SNS', request({ body: Buffer.from('{"MessageId":"m"}') }))).toBe('m');
    expect(key('SVIX', request({ headers: headersOf({ 'svix-id': 'msg' }) }))).toBe('msg');
    for (const type of ['SVIX', 'STANDARD_WEBHOOKS', 'POLAR'] as const) {
      for (const name of ['svix-id', 'webhook-id'])
        expect(key(type, request({ headers: headersOf({ [name]: 'msg' }) }))).toBe('msg');
    }
    expect(key('SHOPIFY', request({ headers: headersOf({ 'X-Shopify-Webhook-Id': 'w' }) }))).toBe(
      'w',
    );
    expect(key('LINE', request({ body: Buffer.from('{"events":[{"webhookEventId":"l"}]}') }))).toBe(
      'l',
    );
    expect(key('STRIPE', request({ body: Buffer.from('{"id":{"a":1}}') }))).toBeUndefined();
    expect(
      key('STRIPE', request({ body: Buffer.from(`{"id":"${'x'.repeat(5000)}"}`) }))?.length,
    ).toBeLessThan(64);
    expect(key('WEBHOOK', request())).toBeUndefined();
  });

  test('docs/providers.md is what the tables say', () => {
    expect(readFileSync(new URL('../../docs/providers.md', import.meta.url), 'utf8')).toBe(
      providersPage(),
    );
  });
});
