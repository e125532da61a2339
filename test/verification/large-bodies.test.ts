import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { pass } from '../../src/api/ingest/gate.ts';
import { withDecodedBody } from '../../src/verification/decoding.ts';
import type { Received } from '../../src/verification/received.ts';
import { gateOf, type KeptSource } from '../../src/verification/source-gate.ts';
import type { Keys } from '../../src/verification/verifier.ts';
import { headersOf, network, NOW_MS, request, URL_AT_PROVIDER } from './support.ts';
import { ticksDuring } from './ticks.ts';

const secret = 'the secret';
const auth = { webhook_secret_key: secret };
const seconds = String(Math.floor(NOW_MS / 1000));
const hmac = (content: string | Buffer, algorithm = 'sha256') =>
  createHmac(algorithm, secret).update(content);
/** What ingest takes at most. */
const MOST = 10 * 1024 * 1024;
/** Nine MiB of what makes the most values of the fewest bytes. */
const filler = `[${'[],'.repeat(3 * 1024 * 1024)}1]`;

type Case = { source: KeptSource; received: Received };

function sent(
  type: string,
  {
    body,
    headers = {},
    ...other
  }: Partial<Omit<Received, 'headers' | 'body'>> & {
    body: string;
    headers?: Record<string, string>;
    auth?: object;
    config?: object;
  },
): Case {
  const { auth: own = auth, config = {}, ...parts } = other;
  const bytes = Buffer.from(body);
  expect(bytes.length).toBeGreaterThan(2 ** 20);
  expect(bytes.length).toBeLessThan(MOST);
  const received = request({ ...parts, headers: headersOf(headers), body: bytes });
  return { source: { type, config, auth: own }, received: withDecodedBody(received) };
}

const verdictOf = ({ source, received }: Case, keys: Keys = network({}).keys) =>
  pass(gateOf(source), { received, keys });

describe('a signed body of nine MiB is read, and others go on meanwhile', () => {
  const mailgun = hmac(`${seconds}t`).digest('hex');
  const payload = `{"a":${filler},"b":"é/"}`;
  const php = `{"a":${filler},"b":"\\u00e9\\/"}`;
  const graph = `{"value":[{"clientState":"${secret}","resourceData":${filler}}]}`;
  const adyenKey = 'ab'.repeat(32);
  const adyen = createHmac('sha256', Buffer.from(adyenKey, 'hex')).update(
    'p::::8202522731445525542:::',
  );
  const form = `data=${'%7B%22'.repeat(1_000_000)}`;
  const twilio = createHmac('sha1', secret).update(
    URL_AT_PROVIDER + `data${'{"'.repeat(1_000_000)}`,
  );
  const linear = `{"data":${filler},"webhookTimestamp":${NOW_MS}}`;
  const paymob = createHmac('sha512', secret).update('8202522731445525542');

  test.each<[string, Case]>([
    [
      'Mailgun',
      sent('MAILGUN', {
        body: `{"event-data":${filler},"signature":{"timestamp":"${seconds}","token":"t","signature":"${mailgun}"}}`,
      }),
    ],
    [
      'Adyen',
      sent('ADYEN', {
        auth: { webhook_secret_key: adyenKey },
        body: `{"x":${filler},"notificationItems":[{"NotificationRequestItem":{"pspReference":"p","amount":{"value":8202522731445525542},"additionalData":{"hmacSignature":"${adyen.digest('base64')}"}}}]}`,
      }),
    ],
    [
      'Exact Online',
      sent('EXACT_ONLINE', {
        body: `{"Content":${payload},"HashCode":"${hmac(payload).digest('hex')}"}`,
      }),
    ],
    [
      'Treezor, as PHP writes it',
      sent('TREEZOR', {
        body: `{"object_payload":${payload},"object_payload_signature":"${hmac(php).digest('base64')}"}`,
      }),
    ],
    [
      'Paymob',
      sent('PAYMOB', {
        rawQuery: `hmac=${paymob.digest('hex')}`,
        body: `{"obj":{"x":${filler},"id":8202522731445525542}}`,
      }),
    ],
    ['Microsoft Graph', sent('MICROSOFT_GRAPH', { body: graph })],
    [
      'a timestamp in the body',
      sent('LINEAR', {
        body: linear,
        headers: { 'linear-signature': hmac(linear).digest('hex') },
      }),
    ],
    ['a token in the body', sent('AIRCALL', { body: `{"data":${filler},"token":"${secret}"}` })],
    [
      'a form',
      sent('TWILIO', {
        body: form,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-twilio-signature': twilio.digest('base64'),
        },
      }),
    ],
  ])('%s', async (_what, one) => {
    const { result, ticks } = await ticksDuring(() => verdictOf(one));
    expect(result).toMatchObject({ kind: 'verified' });
    // One field may be nearly the whole form: it is decoded in one go, which takes a moment.
    expect(ticks).toBeGreaterThan(one.source.type === 'TWILIO' ? 0 : 15);
  });

  test('Amazon SNS', async () => {
    const url = 'https://sns.eu-west-1.amazonaws.com/a.pem';
    const one = sent('AWS_SNS', {
      auth: {},
      body: JSON.stringify({
        Type: 'Notification',
        Message: filler,
        Signature: 'AAAA',
        SigningCertURL: url,
      }),
    });
    const verdict = await verdictOf(one);
    // It was read, and is worth asking for the certificate.
    expect(verdict).toEqual({ kind: 'deferred' });
  });
});

describe('ids in large bodies', () => {
  const github = (body: string, config: object, contentType = 'application/json') =>
    sent('GITHUB', {
      body,
      config,
      headers: {
        'content-type': contentType,
        'x-hub-signature-256': `sha256=${hmac(body).digest('hex')}`,
      },
    });
  const hashOf = async (one: Case) => {
    const verdict = await verdictOf(one);
    return 'idempotency' in verdict ? verdict.idempotency?.hash.toString('hex') : undefined;
  };
  const small = async (body: string, path: string, contentType = 'application/json') => {
    const source = { type: 'HTTP', config: { idempotency_key: path }, auth: null };
    const headers = headersOf({ 'content-type': contentType });
    return hashOf({ source, received: request({ body: Buffer.from(body), headers }) });
  };

  test('stand where a source says, and are the same as in small ones', async () => {
    const large = (id: string) => `{"x":${filler},"order":{"items":[{"id":${id}}]}}`;
    for (const id of ['"é-1"', '8202522731445525542', '{"b":1,"a":2}', 'null', 'true']) {
      const config = { idempotency_key: 'body.order.items.0.id' };
      const expected = await small(`{"order":{"items":[{"id":${id}}]}}`, config.idempotency_key);
      expect([id, await hashOf(github(large(id), config))]).toEqual([id, expected]);
      expect(await hashOf(github(large(id), config, 'text/plain'))).toBe(expected);
    }
  });

  test('stand in forms', async () => {
    const form = `x=${'%20'.repeat(1_000_000)}&id=a%2Bb&id=c`;
    const type = 'application/x-www-form-urlencoded';
    const expected = await small('id=a%2Bb&id=c', 'body.id', type);
    expect(expected).toBeDefined();
    expect(await hashOf(github(form, { idempotency_key: 'body.id' }, type))).toBe(expected);
  });

  test('that are the whole body, or as large, tell bodies apart', async () => {
    for (const key of ['body', 'body.x']) {
      const config = { idempotency_key: key };
      const [one, again, other] = await Promise.all(
        ['1', '1', '2'].map((n) => hashOf(github(`{"x":[${filler},${n}]}`, config))),
      );
      expect(one).toBeDefined();
      expect(again).toBe(one);
      expect(other).not.toBe(one);
    }
  });

  test('stand where their provider puts them', async () => {
    const body = `{"data":${filler},"id":"evt_1"}`;
    const signature = hmac(`${seconds}.${body}`).digest('hex');
    const stripe = (text: string) =>
      sent('STRIPE', {
        body: text,
        headers: { 'stripe-signature': `t=${seconds},v1=${signature}` },
      });
    const verdict = await verdictOf(stripe(body));
    expect(verdict).toMatchObject({ kind: 'verified', idempotency: { isNamed: false } });
  });
});

describe('hostile bodies say in words what they are, and hold nobody up', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  test.each<[string, Case, RegExp]>([
    [
      'a form of five million fields',
      sent('TWILIO', {
        body: 'a&'.repeat(4_900_000),
        headers: { ...form, 'x-twilio-signature': 'AAAA' },
      }),
      /more than 10000 fields/,
    ],
    [
      'a form of five million fields',
      sent('MAILCHIMP', {
        body: 'a&'.repeat(4_900_000),
        headers: { ...form, 'x-mandrill-signature': 'AAAA' },
      }),
      /more than 10000 fields/,
    ],
    ['deep JSON', sent('MICROSOFT_GRAPH', { body: '['.repeat(9_000_000) }), /not JSON/],
    [
      'a list of a million notifications',
      sent('MICROSOFT_GRAPH', { body: `{"value":[${'1,'.repeat(1_000_000)}1]}` }),
      /more than 100,000 values/,
    ],
    [
      'a member that is verified, twice',
      sent('MICROSOFT_GRAPH', {
        body: `{"value":[{"clientState":"${secret}","clientState":"${secret}","x":${filler}}]}`,
      }),
      /stands twice/,
    ],
    [
      'cut JSON',
      sent('AWS_SNS', { auth: {}, body: `{"Type":"Notification","x":${filler}` }),
      /not JSON/,
    ],
  ])('%s', async (_what, one, hint) => {
    const { result } = await ticksDuring(() => verdictOf(one));
    expect(result).toMatchObject({
      kind: 'refused',
      refusal: { reason: 'MALFORMED', hint: expect.stringMatching(hint) },
    });
  });
});

test('a signature of RSA in a large body is still one of that body', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const content = Buffer.from(`a=${'x'.repeat(2_000_000)}&b=1`);
  const signature = sign('sha256', content, privateKey).toString('base64');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const alipay = (body: string) => verdictOf(sent('ALIPAY', { auth: { public_key: pem }, body }));
  const tail = `&sign_type=RSA2&sign=${encodeURIComponent(signature)}`;
  expect(await alipay(`b=1&${content.toString().slice(0, -4)}${tail}`)).toMatchObject({
    kind: 'verified',
  });
  expect(await alipay(`b=2&${content.toString().slice(0, -4)}${tail}`)).toMatchObject({
    kind: 'refused',
  });
});
