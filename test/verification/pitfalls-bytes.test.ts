import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { withDecodedBody } from '../../src/verification/decoding.ts';
import { decodeStrictly } from '../../src/verification/engine/decoders.ts';
import { AWKWARD_BODY, request, verifyWith } from './support.ts';

const secret = 'the secret';
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

describe('1: the bytes are what is signed', () => {
  test('a body that no parser would give back is verified as it came', () => {
    expect(verifyWith('GITHUB', config, github(AWKWARD_BODY))).toMatchObject({ verified: true });
  });

  test('bytes that read as the same text are not the same body', () => {
    const [a, b] = [Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from([0x7b, 0xfe, 0x7d])];
    expect(a.toString()).toBe(b.toString());
    expect(verifyWith('GITHUB', config, { ...github(a), body: b })).toMatchObject({
      verified: false,
    });
  });
});

describe('2: compressed bodies', () => {
  const plain = Buffer.from('{"id":"1"}');
  const wire = gzipSync(plain);
  const gzipped = (header: string, over: Buffer) =>
    withDecodedBody(
      request({
        body: wire,
        headers: [
          [header, hmac(over).toString('hex')],
          ['Content-Encoding', 'gzip'],
        ],
      }),
    );

  test('most providers sign what is inside', () => {
    expect(verifyWith('DROPBOX', config, gzipped('x-dropbox-signature', plain))).toMatchObject({
      verified: true,
    });
    expect(verifyWith('DROPBOX', config, gzipped('x-dropbox-signature', wire))).toMatchObject({
      verified: false,
    });
  });

  test('Nylas signs the compressed bytes', () => {
    expect(verifyWith('NYLAS', config, gzipped('x-nylas-signature', wire))).toMatchObject({
      verified: true,
    });
    expect(verifyWith('NYLAS', config, gzipped('x-nylas-signature', plain))).toMatchObject({
      verified: false,
    });
  });

  test('a body that cannot be decoded is a reason', () => {
    const broken = { ...gzipped('x-dropbox-signature', plain), body: Buffer.from('no gzip') };
    expect(verifyWith('DROPBOX', config, withDecodedBody(broken))).toMatchObject({
      reason: 'BODY_NOT_DECODABLE',
    });
  });
});

describe('4: decoders are strict', () => {
  test.each(['', '0', '0g', 'zz', ' 00', '00 ', '00\n', '0x00'])('hex refuses %j', (text) => {
    expect(decodeStrictly(text, 'hex')).toBeNull();
  });

  test.each([
    'A',
    'AA',
    'AAA',
    'AA=',
    'AAA-',
    'AA==A',
    'AA== ',
    'AB==',
    '=AAA',
    'AAAA====',
    '\u00e9AAA',
  ])('base64 refuses %j', (text) => {
    expect(decodeStrictly(text, 'base64')).toBeNull();
  });

  test('a signature with a tail that a lenient decoder would skip is refused', () => {
    const good = github(AWKWARD_BODY);
    const value = good.headers[0]?.[1] ?? '';
    for (const text of [`${value}!`, `${value}\u0000`, `${value}zz`, value.replace('=', '= ')]) {
      const verdict = verifyWith('GITHUB', config, {
        ...good,
        headers: [['x-hub-signature-256', text]],
      });
      expect(verdict).toMatchObject({ verified: false, reason: 'MALFORMED' });
    }
  });
});

test('whatever is sent, verification answers and never throws', () => {
  const hostile = [
    '',
    ',',
    '=',
    't=',
    't=1',
    'v1=',
    `t=${'9'.repeat(400)},v1=00`,
    '\u0000',
    '💥',
    'x'.repeat(70_000),
    '__proto__=1',
    'constructor=x,v1=y',
  ];
  for (const header of hostile) {
    const received = request({
      headers: [
        ['Stripe-Signature', header],
        ['X-Hub-Signature-256', header],
      ],
    });
    expect(verifyWith('STRIPE', config, received)).toMatchObject({ verified: false });
    expect(verifyWith('GITHUB', config, received)).toMatchObject({ verified: false });
  }
});
