import { describe, expect, test } from 'vitest';
import { errorBody } from '../../src/domain/schema/error.ts';
import {
  acceptedAnswer,
  answerHeaders,
  unverifiedAnswer,
  unverifiedStatus,
} from '../../src/verification/answers.ts';
import { sourceTypeNames } from '../../src/verification/source-types.ts';
import { readUrlSwitches, withoutSwitches } from '../../src/verification/url-switches.ts';

describe('what is answered to an accepted request', () => {
  test('what the provider wants to hear', () => {
    expect(acceptedAnswer('ADYEN', { config: {} })).toMatchObject({
      status: 200,
      body: '[accepted]',
    });
    expect(acceptedAnswer('TWILIO', { config: {} })).toMatchObject({ contentType: 'text/xml' });
    expect(acceptedAnswer('ALIPAY', { config: {} })).toMatchObject({ body: 'success' });
    expect(acceptedAnswer('AIRTABLE', { config: {} })).toMatchObject({ status: 200, body: '' });
    expect(acceptedAnswer('GITHUB', { config: {} })).toBeNull();
    expect(acceptedAnswer('WEBHOOK', { config: { auth_type: 'ADYEN' } })).toMatchObject({
      body: '[accepted]',
    });
  });

  test('the source’s wish goes before the provider’s, the URL’s before both', () => {
    const config = { custom_response: { content_type: 'json', body: '{"ok":true}' } };
    expect(acceptedAnswer('ADYEN', { config })).toEqual({
      status: 200,
      contentType: 'application/json',
      body: '{"ok":true}',
    });
    const fromUrl = readUrlSwitches('x-sluice-response[text]=hi').response;
    expect(acceptedAnswer('ADYEN', { config, fromUrl })).toEqual({
      status: 200,
      contentType: 'text/plain',
      body: 'hi',
    });
  });

  test('nobody is ever answered 410 or 404, which switch webhooks off', () => {
    for (const type of sourceTypeNames) {
      expect([200, 204]).toContain(acceptedAnswer(type, { config: {} })?.status ?? 200);
      expect([200, 204, 401]).toContain(unverifiedAnswer(type, {})?.status ?? 200);
    }
  });

  test('Vercel’s log drains read their secret in every answer', () => {
    expect(answerHeaders('VERCEL_LOG_DRAINS', { auth: { log_drains_secret: 's' } })).toEqual({
      'x-vercel-verify': 's',
    });
    expect(
      answerHeaders('VERCEL_LOG_DRAINS', { auth: { log_drains_secret: 's\r\nx: y' } }),
    ).toEqual({});
    expect(answerHeaders('GITHUB', {})).toEqual({});
    const borrowed = { auth_type: 'VERCEL_LOG_DRAINS', auth: { log_drains_secret: 's' } };
    expect(answerHeaders('WEBHOOK', borrowed)).toEqual({ 'x-vercel-verify': 's' });
  });
});

describe('what is answered to a request that is not verified', () => {
  test('401 where the provider tests for it or the sender is ours to tell, 200 elsewhere', () => {
    for (const type of ['XERO', 'SHOPIFY', 'ZOOM', 'TWITTER', 'DISCORD', 'POSTMARK'] as const)
      expect(unverifiedStatus(type, {})).toBe(401);
    for (const type of ['GITHUB', 'STRIPE', 'ADYEN'] as const)
      expect(unverifiedStatus(type, {})).toBe(200);
    for (const authType of ['HMAC', 'API_KEY', 'BASIC_AUTH', 'BEARER', 'JWT'])
      expect(unverifiedStatus('WEBHOOK', { auth_type: authType })).toBe(401);
    expect(unverifiedStatus('WEBHOOK', { auth_type: 'HMAC', auth: { algorithm: 'md5' } })).toBe(
      200,
    );
  });

  test('a 401 has the shape of every error', () => {
    const { body = '', contentType } = unverifiedAnswer('WEBHOOK', { auth_type: 'HMAC' }) ?? {};
    expect(contentType).toBe('application/json');
    expect(errorBody.parse(JSON.parse(body))).toEqual({
      code: 'VERIFICATION_FAILED',
      status: 401,
      message: 'The request could not be verified.',
      data: null,
    });
  });

  test('Xero wants its 401 bare', () => {
    expect(unverifiedAnswer('XERO', {})).toEqual({
      status: 401,
      contentType: 'text/plain',
      body: '',
    });
  });

  test('the source decides where it says so', () => {
    expect(unverifiedAnswer('GITHUB', { unverified_status: 401 })).toMatchObject({ status: 401 });
    expect(unverifiedAnswer('XERO', { unverified_status: 200 })).toMatchObject({ status: 200 });
  });
});

describe('switches in the URL', () => {
  test('are read under both names', () => {
    for (const name of ['hookdeck', 'sluice']) {
      expect(
        readUrlSwitches(
          `a=1&x-${name}-allow-methods=get,POST&x-${name}-content-type=application%2Fjson&x-${name}-response[json]=%7B%7D`,
        ),
      ).toEqual({
        allowMethods: ['GET', 'POST'],
        contentType: 'application/json',
        response: { contentType: 'application/json', body: '{}' },
        problems: [],
      });
    }
    expect(readUrlSwitches('x-hookdeck-response=null').response).toEqual({
      contentType: 'text/plain',
      body: '',
    });
    expect(readUrlSwitches('x-hookdeck-response%5Bxml%5D=%3Ca%2F%3E').response).toEqual({
      contentType: 'application/xml',
      body: '<a/>',
    });
  });

  test('what cannot be understood is named and has no effect', () => {
    const query = `x-sluice-allow-methods=BREW&x-sluice-response=other&x-sluice-content-type=a%0d%0ab&x-sluice-response[text]=${'x'.repeat(40_000)}`;
    expect(readUrlSwitches(query)).toEqual({
      problems: [
        'x-sluice-allow-methods',
        'x-sluice-response',
        'x-sluice-content-type',
        'x-sluice-response[text]',
      ],
    });
    expect(readUrlSwitches('a=1&b=x-y')).toEqual({ problems: [] });
  });

  test('are taken out of the query that goes on, which stays as it was otherwise', () => {
    expect(withoutSwitches('a=1&x-sluice-response=null&b=%C3%a9+x&&c')).toBe('a=1&b=%C3%a9+x&&c');
    expect(withoutSwitches('')).toBe('');
  });
});
