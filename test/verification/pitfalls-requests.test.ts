import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  AWKWARD_BODY,
  headersOf,
  NOW_MS,
  request,
  URL_AT_PROVIDER,
  verifyWith,
} from './support.ts';

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

describe('6: time', () => {
  const stripe = (at: string, receivedAtMs = NOW_MS) =>
    request({
      receivedAtMs,
      headers: [['stripe-signature', `t=${at},v1=${hmac(`${at}.{"id":"evt_1"}`).toString('hex')}`]],
    });

  test('the future is refused as the past is', () => {
    expect(verifyWith('STRIPE', config, stripe(String(seconds + 301)))).toMatchObject({
      reason: 'TIMESTAMP_IN_FUTURE',
    });
    expect(verifyWith('STRIPE', config, stripe(String(seconds - 301)))).toMatchObject({
      reason: 'TIMESTAMP_TOO_OLD',
    });
  });

  test('tolerance is the source’s to set, and 0 switches it off', () => {
    const old = stripe(String(seconds - 7200));
    expect(
      verifyWith('STRIPE', { auth: { ...config.auth, tolerance_seconds: 7200 } }, old),
    ).toMatchObject({ verified: true });
    expect(
      verifyWith('STRIPE', { auth: { ...config.auth, tolerance_seconds: 0 } }, old),
    ).toMatchObject({ verified: true });
  });

  test.each(['', 'NaN', '-1', '1e3', '0x10', '99999999999999999', ' 1', '１'])(
    '%j is no timestamp',
    (at) => {
      const verdict = verifyWith('STRIPE', config, stripe(at));
      expect(verdict).toMatchObject({ verified: false });
    },
  );

  test('seconds where milliseconds belong are recognised', () => {
    const at = String(seconds);
    const workos = request({
      headers: [
        ['WorkOS-Signature', `t=${at}, v1=${hmac(`${at}.{"id":"evt_1"}`).toString('hex')}`],
      ],
    });
    expect(verifyWith('WORKOS', config, workos)).toMatchObject({
      reason: 'TIMESTAMP_TOO_OLD',
      hint: /looks like seconds/,
    });
  });
});

describe('7: replays', () => {
  const message = (id: string) =>
    request({
      headers: headersOf({
        'webhook-id': id,
        'webhook-timestamp': String(seconds),
        'webhook-signature': `v1,${hmac(`${id}.${seconds}.{"id":"evt_1"}`).toString('base64')}`,
      }),
    });

  test('the same delivery has the same key, another has another', () => {
    const standard = { auth: { webhook_secret_key: Buffer.from(secret).toString('base64') } };
    const keyOf = (id: string) => verifyWith('STANDARD_WEBHOOKS', standard, message(id));
    expect(keyOf('a')).toEqual(keyOf('a'));
    expect(keyOf('a')).not.toEqual(keyOf('b'));
  });

  test('equal bodies are legitimate where nothing else is signed, unless the source says otherwise', () => {
    expect(verifyWith('GITHUB', config, github(AWKWARD_BODY))).not.toHaveProperty('replayKey');
    const strict = { auth: { ...config.auth, replay_protection: true } };
    expect(verifyWith('GITHUB', strict, github(AWKWARD_BODY))).toHaveProperty('replayKey');
  });
});

describe('8: several signatures', () => {
  const value = hmac(`${seconds}.{"id":"evt_1"}`).toString('hex');
  const zeros = '0'.repeat(64);

  test.each([
    `t=${seconds},v1=${zeros},v1=${value}`,
    `t=${seconds},v1=${value},v1=${zeros}`,
    `v1=${value}, t=${seconds}, v0=${zeros}`,
  ])('any of them is enough: %s', (header) => {
    expect(
      verifyWith('STRIPE', config, request({ headers: [['Stripe-Signature', header]] })),
    ).toMatchObject({ verified: true });
  });

  test('a version that is not known is never used', () => {
    const header = `t=${seconds},v0=${value}`;
    expect(
      verifyWith('STRIPE', config, request({ headers: [['Stripe-Signature', header]] })),
    ).toMatchObject({ reason: 'MALFORMED' });
  });

  test('a flood of signatures is refused before it is compared', () => {
    const header = `t=${seconds},${`v1=${zeros},`.repeat(1000)}v1=${value}`;
    expect(
      verifyWith('STRIPE', config, request({ headers: [['Stripe-Signature', header]] })),
    ).toMatchObject({ reason: 'MALFORMED' });
  });

  test.each([`t=${seconds},t=${seconds - 9999}`, `t=${seconds - 9999},t=${seconds}`])(
    'two timestamps in one header are refused: %s',
    (times) => {
      const headers: [string, string][] = [['Stripe-Signature', `${times},v1=${value}`]];
      expect(verifyWith('STRIPE', config, request({ headers }))).toMatchObject({ verified: false });
    },
  );

  test('DocuSign numbers its headers, Persona sends whole sets, PagerDuty a list', () => {
    const body = Buffer.from('{"id":"evt_1"}');
    const docusign = request({
      headers: headersOf({
        'X-DocuSign-Signature-1': hmac('x').toString('base64'),
        'X-DocuSign-Signature-2': hmac(body).toString('base64'),
      }),
    });
    expect(verifyWith('DOCUSIGN', config, docusign)).toMatchObject({ verified: true });
    const persona = request({
      headers: [['Persona-Signature', `t=${seconds},v1=${zeros} t=${seconds},v1=${value}`]],
    });
    expect(verifyWith('PERSONA', config, persona)).toMatchObject({ verified: true });
    const pagerduty = request({
      headers: [['X-PagerDuty-Signature', `v1=${zeros},v1=${hmac(body).toString('hex')}`]],
    });
    expect(verifyWith('PAGERDUTY', config, pagerduty)).toMatchObject({ verified: true });
  });
});

describe('9: the URL is the registered one', () => {
  const square = (url: string) =>
    request({
      url,
      headers: [
        [
          'x-square-hmacsha256-signature',
          hmac(`${URL_AT_PROVIDER}{"id":"evt_1"}`).toString('base64'),
        ],
      ],
    });

  test('byte for byte, whatever Host and X-Forwarded headers say', () => {
    expect(verifyWith('SQUARE', config, square(URL_AT_PROVIDER))).toMatchObject({ verified: true });
    expect(
      verifyWith('SQUARE', config, square(URL_AT_PROVIDER.replace('%C3%A9', '%c3%a9'))),
    ).toMatchObject({ verified: false });
    const lying = square('https://other.example/');
    const headers = [
      ...lying.headers,
      ['Host', 'hooks.example.com'] as const,
      ['X-Forwarded-Proto', 'https'] as const,
    ];
    expect(verifyWith('SQUARE', config, { ...lying, headers })).toMatchObject({ verified: false });
  });

  test('a source may say under which URL it is registered', () => {
    const registered = { auth: { ...config.auth, registered_url: URL_AT_PROVIDER } };
    expect(verifyWith('SQUARE', registered, square('http://10.0.0.1/in/x'))).toMatchObject({
      verified: true,
    });
  });
});

test('a registered URL without a query takes what the sender appended', () => {
  const url = 'https://hooks.example.com/in/x';
  const value = hmac(`${url}?bodySHA256=1{"id":"evt_1"}`).toString('base64');
  const received = request({
    url: 'http://10.0.0.1/in/x',
    rawQuery: 'bodySHA256=1',
    headers: [['x-square-hmacsha256-signature', value]],
  });
  expect(
    verifyWith('SQUARE', { auth: { ...config.auth, registered_url: url } }, received),
  ).toMatchObject({ verified: true });
});

test('HubSpot decodes reserved characters before it signs', () => {
  const url = 'https://hooks.example.com/in/x?a=%2Fb%3Fc%20d%3A';
  const value = hmac(
    `POSThttps://hooks.example.com/in/x?a=/b%3Fc%20d:{"id":"evt_1"}${NOW_MS}`,
  ).toString('base64');
  const headers = headersOf({
    'X-HubSpot-Signature-v3': value,
    'X-HubSpot-Request-Timestamp': String(NOW_MS),
  });
  expect(verifyWith('HUBSPOT', config, request({ url, headers }))).toMatchObject({
    verified: true,
  });
  const older = hmac('x').toString('hex');
  const downgraded = request({ url, headers: [['X-HubSpot-Signature', older]] });
  expect(verifyWith('HUBSPOT', config, downgraded)).toMatchObject({ reason: 'MISSING_SIGNATURE' });
});

describe('12: doubled headers', () => {
  test('two signatures, or two timestamps, are nobody’s', () => {
    const at = String(seconds);
    const headers: [string, string][] = [
      ['x-slack-signature', `v0=${hmac(`v0:${at}:{"id":"evt_1"}`).toString('hex')}`],
      ['x-slack-request-timestamp', at],
    ];
    expect(verifyWith('SLACK', config, request({ headers }))).toMatchObject({ verified: true });
    for (const extra of headers) {
      const verdict = verifyWith(
        'SLACK',
        config,
        request({ headers: [...headers, [extra[0].toUpperCase(), extra[1]]] }),
      );
      expect(verdict).toMatchObject({ verified: false });
    }
  });
});
