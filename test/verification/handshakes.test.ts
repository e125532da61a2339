import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { answerHandshake } from '../../src/verification/handshakes.ts';
import type { Received } from '../../src/verification/received.ts';
import type { SourceConfig } from '../../src/verification/source-config.ts';
import { sourceTypeNames, type SourceType } from '../../src/verification/source-types.ts';
import { headersOf, NOW_MS, request } from './support.ts';

const secret = 'the secret';
const config: SourceConfig = { auth: { webhook_secret_key: secret } };
const hex = (text: string) => createHmac('sha256', secret).update(text).digest('hex');
const get = (query: string, parts: Partial<Received> = {}) =>
  request({
    method: 'GET',
    body: Buffer.alloc(0),
    rawQuery: query,
    url: `https://hooks.example.com/in/x?${query}`,
    ...parts,
  });
const post = (json: unknown, headers: Record<string, string> = {}) =>
  request({ body: Buffer.from(JSON.stringify(json)), headers: headersOf(headers) });

function answer(type: SourceType, received: Received, other: SourceConfig = config) {
  return answerHandshake(type, received, other);
}

function json(type: SourceType, received: Received, other: SourceConfig = config): unknown {
  const found = answer(type, received, other);
  expect(found).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
  return JSON.parse(found?.body ?? '');
}

describe('challenges that come back as they are', () => {
  test.each<[SourceType, Received]>([
    ['SLACK', post({ type: 'url_verification', token: 't', challenge: 'c <b>' })],
    ['FACEBOOK', get('hub.mode=subscribe&hub.verify_token=v&hub.challenge=c%20%3Cb%3E')],
    ['WHATSAPP', get('hub.mode=subscribe&hub.verify_token=v&hub.challenge=c+%3Cb%3E')],
    ['MICROSOFT_GRAPH', request({ rawQuery: 'validationToken=c%20%3Cb%3E' })],
    ['MICROSOFT_SHAREPOINT', request({ rawQuery: 'validationToken=c%20%3Cb%3E' })],
    ['NYLAS', get('challenge=c%20%3Cb%3E')],
    ['DROPBOX', get('challenge=c%20%3Cb%3E')],
  ])('%s: as text that no browser makes a page of', (type, received) => {
    expect(answer(type, received)).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
      body: 'c <b>',
    });
  });

  test('Strava, Okta, monday.com and Oura want JSON', () => {
    expect(json('STRAVA', get('hub.mode=subscribe&hub.verify_token=v&hub.challenge=c'))).toEqual({
      'hub.challenge': 'c',
    });
    expect(json('OKTA', get('', { headers: [['X-Okta-Verification-Challenge', 'c']] }))).toEqual({
      verification: 'c',
    });
    expect(json('MONDAY', post({ challenge: 'c' }), {})).toEqual({ challenge: 'c' });
    expect(json('OURA', get('verification_token=v&challenge=c'))).toEqual({ challenge: 'c' });
  });

  test('a verify token that is set must match', () => {
    const withToken: SourceConfig = { auth: { webhook_secret_key: secret, verify_token: 'v' } };
    expect(
      answer('FACEBOOK', get('hub.mode=subscribe&hub.verify_token=v&hub.challenge=c'), withToken),
    ).toMatchObject({ status: 200 });
    expect(
      answer('FACEBOOK', get('hub.mode=subscribe&hub.verify_token=x&hub.challenge=c'), withToken),
    ).toMatchObject({ status: 403 });
    expect(answer('OURA', get('verification_token=x&challenge=c'), withToken)).toMatchObject({
      status: 401,
    });
  });
});

describe('challenges that are answered with a digest', () => {
  test('X, Zoom, LinkedIn, Smartcar', () => {
    const b64 = createHmac('sha256', secret).update('c').digest('base64');
    expect(json('TWITTER', get('crc_token=c'), { auth: { api_key: secret } })).toEqual({
      response_token: `sha256=${b64}`,
    });
    const zoom = post({ event: 'endpoint.url_validation', payload: { plainToken: 'c' } });
    expect(json('ZOOM', zoom)).toEqual({ plainToken: 'c', encryptedToken: hex('c') });
    expect(json('LINKEDIN', get('challengeCode=c'))).toEqual({
      challengeCode: 'c',
      challengeResponse: hex('c'),
    });
    expect(json('SMARTCAR', post({ eventName: 'verify', payload: { challenge: 'c' } }))).toEqual({
      challenge: hex('c'),
    });
    expect(json('SMARTCAR', post({ eventType: 'VERIFY', data: { challenge: 'c' } }))).toEqual({
      challenge: hex('c'),
    });
  });

  test('nothing is signed that could be an event, or the text a signature covers', () => {
    const forged = '{"event":"meeting.ended"}';
    const text = encodeURIComponent(forged);
    expect(answer('TWITTER', get(`crc_token=${text}`), { auth: { api_key: secret } })).toBeNull();
    for (const plainToken of [forged, 'v0:1700000000:body', 'two words', 'x'.repeat(129)]) {
      const question = post({ event: 'endpoint.url_validation', payload: { plainToken } });
      expect(answer('ZOOM', question, { auth: { webhook_secret_key: secret } })).toBeNull();
    }
    expect(answer('LINKEDIN', get(`challengeCode=${text}`))).toBeNull();
  });

  test('eBay digests code, token and endpoint', () => {
    const ebay: SourceConfig = { auth: { verification_token: 'v'.repeat(32) } };
    const expected = createHash('sha256')
      .update(`c${'v'.repeat(32)}https://hooks.example.com/in/x`)
      .digest('hex');
    expect(json('EBAY', get('challenge_code=c'), ebay)).toEqual({ challengeResponse: expected });
  });

  test('without a secret there is nothing to answer with', () => {
    expect(
      answer('ZOOM', post({ event: 'endpoint.url_validation', payload: { plainToken: 'c' } }), {}),
    ).toBeNull();
    expect(answer('TWITTER', get('crc_token=c'), {})).toBeNull();
  });
});

describe('handshakes that set something up', () => {
  test('Amazon SNS: the address to fetch is validated', () => {
    const confirmation = (url: string) =>
      post({ Type: 'SubscriptionConfirmation', SubscribeURL: url, TopicArn: 'arn:aws:sns:x:1:t' });
    const url = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t';
    expect(answer('AWS_SNS', confirmation(url), {})).toMatchObject({ status: 200, fetch: url });
    for (const hostile of [
      'http://169.254.169.254/',
      'https://sns.eu-west-1.amazonaws.com.evil.example/',
      'https://evil.example/',
      'x',
    ]) {
      const found = answer('AWS_SNS', confirmation(hostile), {});
      expect(found).toMatchObject({ status: 403 });
      expect(found).not.toHaveProperty('fetch');
    }
    expect(
      answer('AWS_SNS', confirmation(url), { auth: { topic_arn: 'arn:aws:sns:x:1:other' } }),
    ).toMatchObject({ status: 403 });
    expect(answer('AWS_SNS', post({ Type: 'Notification' }), {})).toBeNull();
  });

  test('CloudEvents and Event Grid ask with OPTIONS', () => {
    const options = request({
      method: 'OPTIONS',
      body: Buffer.alloc(0),
      headers: headersOf({
        'WebHook-Request-Origin': 'eventgrid.azure.net',
        'WebHook-Request-Rate': '120',
      }),
    });
    for (const type of ['CLOUDEVENTS', 'AZURE_EVENT_GRID'] as const) {
      expect(answer(type, options, {})).toMatchObject({
        status: 200,
        headers: { 'webhook-allowed-origin': 'eventgrid.azure.net', 'webhook-allowed-rate': '*' },
      });
    }
  });

  test('Event Grid’s own schema asks with a code', () => {
    const event = [
      {
        eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
        data: { validationCode: 'c' },
      },
    ];
    const headers = { 'aeg-event-type': 'SubscriptionValidation' };
    expect(json('AZURE_EVENT_GRID', post(event, headers), {})).toEqual({ validationResponse: 'c' });
    expect(answer('AZURE_EVENT_GRID', post([{ data: {} }], headers), {})).toMatchObject({
      status: 400,
    });
  });

  test('Fastly reads the digest of the service, or a star', () => {
    const received = get('', { path: '/.well-known/fastly/logging/challenge' });
    expect(answer('FASTLY', received, {})).toMatchObject({ body: '*' });
    const digest = createHash('sha256').update('svc').digest('hex');
    expect(answer('FASTLY', received, { auth: { service_id: 'svc' } })).toMatchObject({
      body: digest,
    });
  });

  test('Trello, Intercom and Mailchimp look whether anybody is there', () => {
    for (const type of ['TRELLO', 'INTERCOM', 'MAILCHIMP'] as const) {
      expect(answer(type, get('', { method: 'HEAD' }))).toMatchObject({ status: 200, body: '' });
      expect(answer(type, request())).toBeNull();
    }
  });

  test('RingCentral and Vercel read a header', () => {
    const ring = request({ headers: [['Validation-Token', 'v-1']] });
    expect(answer('RING_CENTRAL', ring)).toMatchObject({ headers: { 'validation-token': 'v-1' } });
    expect(
      answer('VERCEL_LOG_DRAINS', get(''), { auth: { log_drains_secret: 's' } }),
    ).toMatchObject({ headers: { 'x-vercel-verify': 's' } });
  });
});

describe('questions that are signed', () => {
  test('Twitch: only a signed question confirms a subscription', () => {
    const body = '{"challenge":"c"}';
    const time = new Date(NOW_MS).toISOString();
    const headers = (signature: string) => ({
      'Twitch-Eventsub-Message-Type': 'webhook_callback_verification',
      'Twitch-Eventsub-Message-Id': 'm-1',
      'Twitch-Eventsub-Message-Timestamp': time,
      'Twitch-Eventsub-Message-Signature': `sha256=${signature}`,
    });
    expect(
      answer('TWITCH', post({ challenge: 'c' }, headers(hex(`m-1${time}${body}`)))),
    ).toMatchObject({ status: 200, body: 'c' });
    expect(answer('TWITCH', post({ challenge: 'c' }, headers('0'.repeat(64))))).toMatchObject({
      status: 401,
    });
  });

  test('Discord: PING is answered with PONG, a bad signature with 401', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
    const at = String(Math.floor(NOW_MS / 1000));
    const discord: SourceConfig = { auth: { public_key: raw } };
    const signedPost = (body: object) =>
      post(body, {
        'X-Signature-Ed25519': sign(
          null,
          Buffer.from(at + JSON.stringify(body)),
          privateKey,
        ).toString('hex'),
        'X-Signature-Timestamp': at,
      });
    expect(json('DISCORD', signedPost({ type: 1 }), discord)).toEqual({ type: 1 });
    const forged = { 'X-Signature-Ed25519': '0'.repeat(128), 'X-Signature-Timestamp': at };
    expect(answer('DISCORD', post({ type: 1 }, forged), discord)).toMatchObject({ status: 401 });
    expect(answer('DISCORD', signedPost({ type: 0, application_id: '1' }), discord)).toMatchObject({
      status: 204,
    });
    expect(
      answer('DISCORD', signedPost({ type: 1, application_id: '1', event: {} }), discord),
    ).toBeNull();
  });
});

test('an ordinary event is no handshake, for any type', () => {
  for (const type of sourceTypeNames) {
    for (const other of [{}, config]) {
      expect([
        type,
        answer(
          type,
          post({ id: 'evt_1', event: 'order.created', payload: {}, type: 'event' }),
          other,
        ),
      ]).toEqual([type, null]);
    }
  }
});

test('what is no question is not answered: too long, not text, not JSON', () => {
  for (const challenge of ['', 'x'.repeat(5000), 1, null, { toString: 'x' }, ['c']]) {
    expect(answer('SLACK', post({ type: 'url_verification', challenge }))).toBeNull();
  }
  expect(answer('SLACK', request({ body: Buffer.from('not json') }))).toBeNull();
  expect(answer('SLACK', request({ body: Buffer.alloc(100_000, '[') }))).toBeNull();
  expect(
    answer('MICROSOFT_GRAPH', request({ rawQuery: `validationToken=${'x'.repeat(5000)}` })),
  ).toBeNull();
});
