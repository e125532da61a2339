import {
  brotliCompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { assert, constantFrom, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentFamily, parseBody } from '../../src/verification/content.ts';
import { DEEPEST_JSON } from '../../src/verification/json-limits.ts';
import {
  decodeBody,
  decodeBodyLater,
  MOST_DECODED_BYTES,
  withDecodedBody,
} from '../../src/verification/decoding.ts';
import { request } from './support.ts';

describe('content encodings', () => {
  const plain = Buffer.from('{"a":"é"}\r\n');

  test.each<[string, Buffer]>([
    ['gzip', gzipSync(plain)],
    ['GZIP ', gzipSync(plain)],
    ['x-gzip', gzipSync(plain)],
    ['deflate', deflateSync(plain)],
    ['deflate', deflateRawSync(plain)],
    ['br', brotliCompressSync(plain)],
    ['identity', plain],
  ])('%s is undone', (contentEncoding, body) => {
    expect(decodeBody(body, { contentEncoding })).toEqual({ body: plain });
  });

  test('nothing unknown, and no more than three layers', () => {
    const four = 'gzip, gzip, gzip, gzip';
    for (const contentEncoding of [four, 'compress', 'gzip, x', '__proto__', 'constructor']) {
      expect(decodeBody(gzipSync(plain), { contentEncoding })).toEqual({ problem: 'UNSUPPORTED' });
    }
    const twice = gzipSync(gzipSync(plain));
    expect(decodeBody(twice, { contentEncoding: 'gzip' })).toEqual({ body: gzipSync(plain) });
  });

  test.each([
    ['gzip, gzip', (body: Buffer) => gzipSync(gzipSync(body))],
    ['gzip, br', (body: Buffer) => brotliCompressSync(gzipSync(body))],
    ['deflate,identity,x-gzip', (body: Buffer) => gzipSync(deflateSync(body))],
    ['zstd', (body: Buffer) => zstdCompressSync(body)],
    ['zstd, gzip', (body: Buffer) => gzipSync(zstdCompressSync(body))],
  ])(
    'several codings are undone from the last to the first: %s',
    async (contentEncoding, encode) => {
      expect(decodeBody(encode(plain), { contentEncoding })).toEqual({ body: plain });
      expect(await decodeBodyLater(encode(plain), { contentEncoding })).toEqual({ body: plain });
      expect(decodeBody(encode(Buffer.alloc(30_000_000)), { contentEncoding })).toEqual({
        problem: 'TOO_LARGE',
      });
    },
  );

  test('a Zstandard body is read to its end: no frame is left over for somebody else to read', async () => {
    const frame = zstdCompressSync(plain);
    const both = Buffer.concat([frame, frame]);
    const contentEncoding = 'zstd';
    expect(decodeBody(both, { contentEncoding })).toEqual({ body: Buffer.concat([plain, plain]) });
    expect(await decodeBodyLater(both, { contentEncoding })).toEqual(
      decodeBody(both, { contentEncoding }),
    );
    const wide = { params: { [constants.ZSTD_c_windowLog]: 27 } };
    for (const body of [
      Buffer.concat([frame, Buffer.from('rest')]),
      frame.subarray(0, -3),
      Buffer.concat(Array.from({ length: 100 }, () => frame)),
      zstdCompressSync(Buffer.alloc(9_000_000, 'a'), wide),
    ])
      expect(decodeBody(body, { contentEncoding })).toEqual({ problem: 'MALFORMED' });
  });

  test.each(['gzip', 'deflate', 'br'] as const)(
    'a %s bomb is stopped by its ratio before it is large',
    (contentEncoding) => {
      const zeros = Buffer.alloc(15 * 1024 * 1024);
      const bomb = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[
        contentEncoding
      ](zeros);
      const before = process.memoryUsage().arrayBuffers;
      expect(decodeBody(bomb, { contentEncoding })).toEqual({ problem: 'TOO_LARGE' });
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MOST_DECODED_BYTES);
    },
  );

  test('what is large is refused even at a modest ratio, what is small never', () => {
    const text = Buffer.from(
      Array.from(
        { length: 400_000 },
        (_, index) => `${index * 7919} some words that differ a little\n`,
      ).join(''),
    );
    expect(decodeBody(gzipSync(Buffer.concat([text, text])), { contentEncoding: 'gzip' })).toEqual({
      problem: 'TOO_LARGE',
    });
    const small = gzipSync(Buffer.alloc(60_000));
    expect(decodeBody(small, { contentEncoding: 'gzip' })).toHaveProperty('body');
  });

  test('random bytes never throw', () => {
    assert(
      property(
        uint8Array({ minLength: 1, maxLength: 200 }),
        constantFrom('gzip', 'deflate', 'br'),
        (bytes, contentEncoding) => {
          const decoded = decodeBody(Buffer.from(bytes), { contentEncoding });
          expect('body' in decoded || 'problem' in decoded).toBe(true);
        },
      ),
    );
  });

  test('the decoded body is made when asked for, and once', () => {
    const received = withDecodedBody(
      request({ body: gzipSync(plain), headers: [['Content-Encoding', 'gzip']] }),
    );
    expect(received.body).toEqual(gzipSync(plain));
    expect(received.decodedBody?.()).toBe(received.decodedBody?.());
    expect(withDecodedBody(request())).not.toHaveProperty('decodedBody');
  });
});

describe('families of content', () => {
  test.each([
    ['application/json; charset=utf-8', 'json'],
    ['application/vnd.api+json', 'json'],
    ['application/cloudevents+json', 'json'],
    ['application/x-ndjson', 'ndjson'],
    ['application/x-www-form-urlencoded', 'form'],
    ['text/xml', 'xml'],
    ['application/soap+xml', 'xml'],
    ['text/csv', 'text'],
    ['application/jwt', 'text'],
    [undefined, 'text'],
    ['', 'text'],
    ['application/octet-stream', 'binary'],
    ['multipart/form-data; boundary=x', 'binary'],
    ['image/png', 'binary'],
    ['nonsense', 'binary'],
  ])('%s is %s', (contentType, family) => {
    expect(contentFamily(contentType)).toBe(family);
  });
});

describe('parsed bodies', () => {
  const parse = (contentType: string | undefined, text: string) =>
    parseBody(contentType, Buffer.from(text));

  test('JSON, lines of JSON, forms, XML, text, bytes, nothing', () => {
    expect(parse('application/json', '\ufeff{"a":[1]}')).toEqual({
      kind: 'json',
      value: { a: [1] },
    });
    expect(parse('application/x-ndjson', '{"a":1}\n\n{"a":2}\r\n')).toEqual({
      kind: 'ndjson',
      value: [{ a: 1 }, { a: 2 }],
    });
    expect(parse('application/x-www-form-urlencoded', 'a=1&b=2&a=3&c=%C3%A9+x')).toEqual({
      kind: 'form',
      value: { a: ['1', '3'], b: '2', c: 'é x' },
    });
    expect(parse('text/xml', '<a/>')).toEqual({ kind: 'xml', value: '<a/>' });
    expect(parse('text/plain', '{"a":1}')).toEqual({ kind: 'text', value: '{"a":1}' });
    expect(parse('image/png', 'x')).toEqual({ kind: 'binary', value: null });
    expect(parse('application/json', '')).toEqual({ kind: 'empty', value: null });
  });

  test('text that is JSON, for providers that send it so', () => {
    const sniffed = parseBody(
      'text/plain; charset=UTF-8',
      Buffer.from(' {"Type":"Notification"}'),
      { sniffJson: true },
    );
    expect(sniffed).toEqual({ kind: 'json', value: { Type: 'Notification' } });
    expect(parseBody('text/plain', Buffer.from('{no'), { sniffJson: true })).toEqual({
      kind: 'text',
      value: '{no',
    });
  });

  test('charsets, known and unknown', () => {
    expect(parseBody('text/plain; charset=iso-8859-1', Buffer.from([0xe9]))).toEqual({
      kind: 'text',
      value: 'é',
    });
    expect(parseBody('text/plain; charset="nonsense"', Buffer.from('é'))).toEqual({
      kind: 'text',
      value: 'é',
    });
  });

  test('JSON that is broken or too deep stays text with its problem', () => {
    expect(parse('application/json', '{"a":')).toEqual({
      kind: 'unparsable',
      value: '{"a":',
      problem: 'INVALID_JSON',
    });
    const deep = '['.repeat(10_000) + ']'.repeat(10_000);
    expect(parse('application/json', deep)).toMatchObject({
      kind: 'unparsable',
      problem: 'TOO_DEEP',
    });
    expect(parse('application/x-ndjson', `{}\n${deep}`)).toMatchObject({
      kind: 'unparsable',
      problem: 'TOO_DEEP',
    });
    const allowed = '['.repeat(DEEPEST_JSON) + ']'.repeat(DEEPEST_JSON);
    expect(parse('application/json', allowed)).toMatchObject({ kind: 'json' });
    expect(parse('application/json', JSON.stringify('['.repeat(10_000)))).toMatchObject({
      kind: 'json',
    });
  });

  test('no body reaches a prototype', () => {
    for (const [contentType, text] of [
      [
        'application/json',
        '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
      ],
      ['application/x-www-form-urlencoded', '__proto__=1&__proto__=2&constructor=3'],
    ] as const) {
      const { value } = parse(contentType, text);
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Object.hasOwn(value as object, '__proto__')).toBe(true);
    }
  });

  test('whatever comes is parsed to something', () => {
    const types = constantFrom(
      'application/json',
      'application/x-ndjson',
      'application/x-www-form-urlencoded',
      'text/xml',
      'text/plain',
      'x/y',
    );
    assert(
      property(uint8Array({ maxLength: 300 }), types, (bytes, type) => {
        expect(parseBody(type, Buffer.from(bytes))).toHaveProperty('kind');
      }),
    );
  });
});
