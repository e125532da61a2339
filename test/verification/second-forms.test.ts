import { createHash, createHmac } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import twilio from 'twilio';
import { describe, expect, test } from 'vitest';
import { defaultIdempotencyKey } from '../../src/verification/compile.ts';
import { contentFamily, parseBody } from '../../src/verification/content.ts';
import { withDecodedBody } from '../../src/verification/decoding.ts';
import { answerHandshake } from '../../src/verification/handshakes.ts';
import type { Received } from '../../src/verification/received.ts';
import type { SourceType } from '../../src/verification/source-types.ts';
import { headersOf, NOW_MS, request, URL_AT_PROVIDER, verifyWith } from './support.ts';

const secret = 'the secret';
const config = { auth: { webhook_secret_key: secret } };
const seconds = String(Math.floor(NOW_MS / 1000));
const hmac = (content: string | Buffer, algorithm = 'sha256') =>
  createHmac(algorithm, secret).update(content);

describe('questions', () => {
  const ask = (type: SourceType, rawQuery: string, other: Partial<Received> = {}) =>
    answerHandshake(type, request({ rawQuery, body: Buffer.alloc(0), ...other }), config);

  test.each(['validationToken', 'validationtoken', 'ValidationToken', 'VALIDATIONTOKEN'])(
    'of Microsoft are answered however %s is written',
    (name) => {
      for (const type of ['MICROSOFT_GRAPH', 'MICROSOFT_SHAREPOINT'] as const)
        expect(ask(type, `x=1&${name}=a%20b%3A`)).toMatchObject({ status: 200, body: 'a b:' });
    },
  );

  test('of Microsoft that hold two tokens are none', () => {
    expect(ask('MICROSOFT_GRAPH', 'validationtoken=a&validationToken=b')).toBeNull();
    expect(ask('MICROSOFT_GRAPH', 'validation_token=a')).toBeNull();
  });

  test('of Front are answered where they are signed', () => {
    const at = String(NOW_MS);
    const body = '{"type":"sync","authorization":{"id":"cmp_1"}}';
    const headers = {
      'x-front-challenge': 'c-1',
      'x-front-request-timestamp': at,
      'x-front-signature': hmac(`${at}:${body}`).digest('base64'),
    };
    const sync = (changes: Record<string, string>) =>
      answerHandshake(
        'FRONTAPP',
        request({ body: Buffer.from(body), headers: headersOf({ ...headers, ...changes }) }),
        config,
      );
    expect(sync({})).toMatchObject({ status: 200, body: '{"challenge":"c-1"}' });
    expect(sync({ 'x-front-signature': 'AAAA' })).toMatchObject({ status: 401 });
    const event = request({ body: Buffer.from(body) });
    expect(answerHandshake('FRONTAPP', event, config)).toBeNull();
  });

  test.each([
    ['a mark', Buffer.from('\ufeff{"type":"url_verification","challenge":"c"}')],
    ['UTF-16', Buffer.from('\ufeff{"type":"url_verification","challenge":"c"}', 'utf16le')],
    ['UTF-16, no mark', Buffer.from('{"type":"url_verification","challenge":"c"}', 'utf16le')],
  ])('are read with %s before them', (_what, body) => {
    expect(answerHandshake('SLACK', request({ body }), config)).toMatchObject({ body: 'c' });
  });
});

const FORM_TWICE = [
  ['Content-Type', 'application/x-www-form-urlencoded'],
  ['Content-Type', 'application/x-www-form-urlencoded'],
] as const;

describe('Mailgun', () => {
  const fields = { timestamp: seconds, token: 't', signature: hmac(`${seconds}t`).digest('hex') };
  async function inParts(more: Record<string, string | File> = {}): Promise<Received> {
    const form = new FormData();
    form.set('recipient', 'a@example.com');
    for (const [name, value] of Object.entries({ ...fields, ...more })) form.append(name, value);
    const response = new Response(form);
    const headers = { 'Content-Type': response.headers.get('content-type') ?? '' };
    const body = Buffer.from(await response.arrayBuffer());
    return request({ headers: headersOf(headers), body });
  }

  test('posts mail with attachments as a form in parts', async () => {
    const attachment = new File([Buffer.alloc(900_000, 'x')], 'a.bin');
    const received = await inParts({ 'attachment-1': attachment });
    const verdict = verifyWith('MAILGUN', config, received);
    expect(verdict).toMatchObject({ verified: true, replayKey: 't' });
  });

  test('is read where its type stands twice, in one header or in two', async () => {
    const { body, headers } = await inParts();
    const type = headers[0]?.[1] ?? '';
    const url = new URLSearchParams(fields).toString();
    for (const received of [
      request({ headers: headersOf({ 'content-type': `${type}, ${type}` }), body }),
      request({ headers: [...headers, ...headers], body }),
      request({ headers: [...FORM_TWICE], body: Buffer.from(url) }),
    ])
      expect(verifyWith('MAILGUN', config, received)).toMatchObject({ verified: true });
  });

  test('signs neither a file nor a form whose signature is another’s', async () => {
    const wrong = await inParts({ token: 'other' });
    expect(verifyWith('MAILGUN', config, wrong)).toMatchObject({ reason: 'WRONG_SECRET_OR_BODY' });
    const file = new FormData();
    for (const [name, value] of Object.entries(fields)) file.set(name, new File([value], 'f'));
    const response = new Response(file);
    const received = request({
      headers: headersOf({ 'content-type': response.headers.get('content-type') ?? '' }),
      body: Buffer.from(await response.arrayBuffer()),
    });
    expect(verifyWith('MAILGUN', config, received)).toMatchObject({ reason: 'MISSING_SIGNATURE' });
  });

  test.each([
    ['a form', 'application/x-www-form-urlencoded'],
    ['a form with a charset', 'application/x-www-form-urlencoded; charset=utf-8'],
    [
      'a form that says so twice',
      'application/x-www-form-urlencoded, application/x-www-form-urlencoded',
    ],
    ['a form without a type', undefined],
  ])('posts %s', (_what, contentType) => {
    const body = Buffer.from(new URLSearchParams(fields).toString());
    const headers = contentType === undefined ? [] : headersOf({ 'content-type': contentType });
    expect(verifyWith('MAILGUN', config, request({ headers, body }))).toMatchObject({
      verified: true,
    });
  });

  test('posts JSON, whatever its type says and whatever stands before it', () => {
    const json = JSON.stringify({ signature: fields, 'event-data': { id: 'e' } });
    for (const type of ['application/json', 'application/json, application/json', 'text/plain'])
      for (const body of [json, `\ufeff${json}`])
        expect(
          verifyWith(
            'MAILGUN',
            config,
            request({ headers: headersOf({ 'content-type': type }), body: Buffer.from(body) }),
          ),
        ).toMatchObject({ verified: true });
  });
});

describe('a byte order mark before JSON', () => {
  const marked = (json: object) => Buffer.from(`\ufeff${JSON.stringify(json)}`);
  const linear = marked({ webhookTimestamp: NOW_MS });
  const content = '"x"';
  const exact = Buffer.from(
    `\ufeff{"Content":${content},"HashCode":"${hmac(content).digest('hex').toUpperCase()}"}`,
  );
  test.each<[SourceType, Received]>([
    ['MICROSOFT_GRAPH', request({ body: marked({ value: [{ clientState: secret }] }) })],
    ['AIRCALL', request({ body: marked({ token: secret }) })],
    ['EXACT_ONLINE', request({ body: exact })],
    [
      'LINEAR',
      request({
        body: linear,
        headers: headersOf({ 'linear-signature': hmac(linear).digest('hex') }),
      }),
    ],
  ])('is passed over: %s', (type, received) => {
    expect(verifyWith(type, config, received)).toMatchObject({ verified: true });
  });

  test('hides no id', () => {
    const key = (body: Buffer) => defaultIdempotencyKey('STRIPE', { received: request({ body }) });
    expect(key(marked({ id: 'evt_é' }))).toBe('evt_é');
    expect(key(Buffer.from('\ufeff{"id":"evt_é"}', 'utf16le'))).toBe('evt_é');
    expect(key(Buffer.from('\ufeff{"id":"evt_é"}', 'utf16le').swap16())).toBe('evt_é');
  });
});

describe('Shopify’s headers without X-', () => {
  const body = Buffer.from('{"id":1}');
  test.each(['X-Shopify', 'Shopify', 'shopify'])('%s-…', (stem) => {
    const headers = {
      [`${stem}-Hmac-Sha256`]: hmac(body).digest('base64'),
      [`${stem}-Webhook-Id`]: 'w-1',
      [`${stem}-Topic`]: 'orders/create',
    };
    expect(verifyWith('SHOPIFY', config, request({ headers: headersOf(headers), body }))).toEqual({
      verified: true,
      idempotencyKey: 'w-1',
    });
  });
});

describe('Twilio and Mailchimp', () => {
  const signature = (url: string, fields: string) => hmac(url + fields, 'sha1').digest('base64');
  const form = 'application/x-www-form-urlencoded';
  const sent = (text: string, headers: Record<string, string>, url = URL_AT_PROVIDER) =>
    request({
      url,
      rawQuery: url.split('?')[1] ?? '',
      headers: headersOf(headers),
      body: Buffer.from(text),
    });

  test.each([form, `${form};charset=UTF-8`, `${form}, ${form}`, `${form.toUpperCase()} ; a=b`])(
    'send forms as %s',
    (contentType) => {
      const headers = {
        'content-type': contentType,
        'x-mandrill-signature': signature(URL_AT_PROVIDER, 'a1b é'),
      };
      const received = sent('b=+%C3%A9&a=1', headers);
      expect(verifyWith('MAILCHIMP', config, received)).toMatchObject({ verified: true });
    },
  );

  test('send forms that lost their type on the way', () => {
    const received = sent('a=1', { 'x-twilio-signature': signature(URL_AT_PROVIDER, 'a1') });
    expect(verifyWith('TWILIO', config, received)).toMatchObject({ verified: true });
  });

  test('escape more in the query they sign than in the one they send', () => {
    const url = "https://hooks.example.com/in/x?name=O'Brien&q=a+b";
    const judged = (signed: string) => {
      const headers = { 'x-twilio-signature': signature(signed, '') };
      expect(twilio.validateRequest(secret, signature(signed, ''), url, {})).toBe(
        !signed.endsWith('c'),
      );
      return verifyWith('TWILIO', config, sent('', headers, url));
    };
    const stem = 'https://hooks.example.com/in/x';
    for (const query of ["name=O'Brien&q=a+b", 'name=O%27Brien&q=a+b', "name=O'Brien&q=a%20b"])
      for (const signed of [`${stem}?${query}`, `${stem.replace('/in', ':443/in')}?${query}`])
        expect([signed, judged(signed)]).toMatchObject([signed, { verified: true }]);
    expect(judged(`${stem}?name=O'Brien&q=a+bc`)).toMatchObject({ verified: false });
  });

  test('two broken encodings are two forms', () => {
    const headers = {
      'content-type': form,
      'x-twilio-signature': signature(URL_AT_PROVIDER, 'a\ufffd'),
    };
    for (const text of ['a=%FF', 'a=%FE'])
      expect(verifyWith('TWILIO', config, sent(text, headers))).toMatchObject({ verified: false });
  });

  test('sign JSON by its digest, compressed on the way or not', () => {
    const json = Buffer.from('{"a":1}');
    const url = `${URL_AT_PROVIDER}&bodySHA256=${createHash('sha256').update(json).digest('hex')}`;
    const headers = {
      'x-twilio-signature': signature(url, ''),
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    };
    const received = withDecodedBody({ ...sent('', headers, url), body: gzipSync(json) });
    expect(verifyWith('TWILIO', config, received)).toMatchObject({ verified: true });
  });
});

describe('what a body is', () => {
  test.each([
    ['application/json, application/json', 'json'],
    ['application/json,text/plain', 'json'],
    ['application/x-www-form-urlencoded, application/x-www-form-urlencoded', 'form'],
    [' application/JSON ;charset=utf-8', 'json'],
    ['multipart/form-data; boundary="a,b"', 'binary'],
  ])('is told by its type, said twice or not: %s', (contentType, family) => {
    expect(contentFamily(contentType)).toBe(family);
  });

  test('is text in the charset of its mark', () => {
    const json = '\ufeff{"a":"é"}';
    for (const bytes of [Buffer.from(json, 'utf16le'), Buffer.from(json, 'utf16le').swap16()])
      expect(parseBody('application/json', bytes)).toEqual({ kind: 'json', value: { a: 'é' } });
    const latin1 = Buffer.from('{"a":"é"}', 'latin1');
    expect(parseBody('application/json; charset=iso-8859-1, x', latin1).value).toEqual({ a: 'é' });
  });

  test('is a form of any size, in no time', () => {
    const form = 'application/x-www-form-urlencoded';
    const parsed = parseBody(form, Buffer.from('a&'.repeat(4_000_000)));
    expect(parsed.kind).toBe('form');
    expect(parseBody(form, Buffer.from('?a=1&b=+%C3%A9&b=2&&=')).value).toEqual({
      '?a': '1',
      b: [' é', '2'],
      '': '',
    });
  });

  test.each([
    ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
    ['gzip, zstd', (bytes: Buffer) => zstdCompressSync(gzipSync(bytes))],
  ])('is signed before it is coded in %s', (coding, encode) => {
    const body = Buffer.from('{"a":1}');
    const headers = {
      'x-hub-signature-256': `sha256=${hmac(body).digest('hex')}`,
      'content-encoding': coding,
    };
    const received = withDecodedBody(request({ headers: headersOf(headers), body: encode(body) }));
    expect(verifyWith('GITHUB', config, received)).toMatchObject({ verified: true });
  });
});
