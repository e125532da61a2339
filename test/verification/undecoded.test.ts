import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { defaultIdempotencyKey } from '../../src/verification/compile.ts';
import { withDecodedBody } from '../../src/verification/decoding.ts';
import { answerHandshake } from '../../src/verification/handshakes.ts';
import type { SourceConfig } from '../../src/verification/source-config.ts';
import type { SourceType } from '../../src/verification/source-types.ts';
import { headersOf, request, verifyWith } from './support.ts';

const secret = 'the secret';
const config = { auth: { webhook_secret_key: secret } };
const sha256 = (content: Buffer) =>
  `sha256=${createHmac('sha256', secret).update(content).digest('hex')}`;

/** A compressed request that says whether anybody asked for what is inside. */
function compressed(content: Buffer, headers: Record<string, string> = {}) {
  const state = { decoded: 0 };
  const received = withDecodedBody(
    request({
      body: gzipSync(content),
      headers: headersOf({ 'content-encoding': 'gzip', ...headers }),
    }),
  );
  const watched = {
    ...received,
    decodedBody: () => {
      state.decoded++;
      return received.decodedBody?.() ?? null;
    },
  };
  return { received: watched, state };
}

describe('a compressed body is opened only for who brings a signature', () => {
  const token: SourceConfig = { auth_type: 'BEARER', auth: { token: 't' } };
  test.each([
    ['GITHUB', config],
    ['SLACK', config],
    ['SVIX', { auth: { webhook_secret_key: 'whsec_c2VjcmV0' } }],
    ['HTTP', token],
    ['MONDAY', config],
  ] as [SourceType, SourceConfig][])('%s', (type, one) => {
    const { received, state } = compressed(Buffer.alloc(1_000_000));
    expect(verifyWith(type, one, received)).toMatchObject({ reason: 'MISSING_SIGNATURE' });
    expect(state.decoded).toBe(0);
  });

  test('what is malformed is not opened either, what is signed is', () => {
    const bad = compressed(Buffer.from('{}'), { 'x-hub-signature-256': 'md5=' });
    expect(verifyWith('GITHUB', config, bad.received)).toMatchObject({ reason: 'MALFORMED' });
    expect(bad.state.decoded).toBe(0);
    const good = compressed(Buffer.from('{}'), {
      'x-hub-signature-256': sha256(Buffer.from('{}')),
    });
    expect(verifyWith('GITHUB', config, good.received)).toMatchObject({ verified: true });
  });

  test('an id in a header needs no body, and a question is read only while it is small', () => {
    const { received, state } = compressed(Buffer.alloc(1_000_000), { 'x-github-delivery': 'd' });
    expect(defaultIdempotencyKey('GITHUB', { received })).toBe('d');
    const question = { type: 'url_verification', challenge: 'c', pad: ' '.repeat(100_000) };
    const large = compressed(Buffer.from(JSON.stringify(question)));
    expect(answerHandshake('SLACK', large.received, config)).toBeNull();
    expect([state.decoded, large.state.decoded]).toEqual([0, 0]);
    const small = compressed(Buffer.from('{"type":"url_verification","challenge":"c"}'));
    expect(answerHandshake('SLACK', small.received, config)).toMatchObject({ body: 'c' });
  });
});

describe('hints', () => {
  const hintOf = (received: ReturnType<typeof request>) => {
    const verdict = verifyWith('GITHUB', config, received);
    return 'reason' in verdict ? verdict.hint : undefined;
  };
  const signedAs = (signed: Buffer, sent: Buffer) =>
    request({ body: sent, headers: [['X-Hub-Signature-256', sha256(signed)]] });

  test('a newline is seen inside a compressed body', () => {
    const signature = sha256(Buffer.from('{"a":1}'));
    const { received } = compressed(Buffer.from('{"a":1}\n'), { 'x-hub-signature-256': signature });
    expect(hintOf(received)).toBe('it matches without the newline at the end of the body');
  });

  test('and after bytes that are no text', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x80]);
    const more = Buffer.concat([bytes, Buffer.from('\r\n')]);
    expect(hintOf(signedAs(bytes, more))).toContain('without the newline');
    const missing = Buffer.concat([bytes, Buffer.from('\n')]);
    expect(hintOf(signedAs(missing, bytes))).toContain('with a newline added');
  });

  test('an empty header is empty, and not somewhere else', () => {
    const empty = request({ headers: [['X-Hub-Signature-256', '']] });
    expect(hintOf(empty)).toBe('header x-hub-signature-256 is empty');
    const auth = { auth_type: 'BEARER', auth: { token: 't' } };
    const bare = request({ headers: [['Authorization', '']] });
    expect(verifyWith('HTTP', auth, bare)).toMatchObject({ hint: 'header authorization is empty' });
  });

  test('a body that cannot be decoded says which coding failed, and how', () => {
    const body = gzipSync(Buffer.alloc(10_000_000));
    const sent = (encodings: string[], bytes = body) =>
      withDecodedBody(
        request({
          body: bytes,
          headers: [
            ['x-hub-signature-256', sha256(bytes)],
            ...encodings.map((one): [string, string] => ['Content-Encoding', one]),
          ],
        }),
      );
    expect(hintOf(sent(['compress']))).toContain('compress is not known');
    expect(hintOf(sent(['zstd']))).toContain('is not zstd');
    expect(hintOf(sent(['br'], Buffer.from('no')))).toContain('is not br');
    expect(hintOf(sent(['gzip']))).toContain('gzip body grows');
    expect(hintOf(sent(['gzip', 'br']))).toContain('is not gzip, br');
  });
});
