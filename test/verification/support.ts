import { createHash, createHmac } from 'node:crypto';
import { compileVerifier } from '../../src/verification/compile.ts';
import type { SignedScheme } from '../../src/verification/engine/scheme.ts';
import { createKeys } from '../../src/verification/keys.ts';
import type { Received } from '../../src/verification/received.ts';
import type { SourceConfig } from '../../src/verification/source-config.ts';
import type { SourceType } from '../../src/verification/source-types.ts';
import { isDeferred, type Verdict } from '../../src/verification/verdict.ts';
import type { FetchDocument, FetchOptions, Verifier } from '../../src/verification/verifier.ts';

export const NOW_MS = Date.UTC(2026, 10, 20, 12, 0, 0);
export const URL_AT_PROVIDER = 'https://hooks.example.com/in/orders?shop=1&name=caf%C3%A9';

/** Bytes that break whoever parses and writes them again. */
export const AWKWARD_BODY = Buffer.concat([
  Buffer.from('\ufeff{"a":"é\\u00e9\\/","n":1.0,"n":1}'),
  Buffer.from([0xff, 0x00]),
  Buffer.from('\r\n'),
]);

type Partial_ = Partial<Omit<Received, 'headers'>> & {
  headers?: readonly (readonly [string, string])[];
};

export function request(parts: Partial_ = {}): Received {
  return {
    method: 'POST',
    url: URL_AT_PROVIDER,
    path: '/in/orders',
    rawQuery: 'shop=1&name=caf%C3%A9',
    headers: [],
    body: Buffer.from('{"id":"evt_1"}'),
    receivedAtMs: NOW_MS,
    ...parts,
  };
}

export function headersOf(headers: Record<string, string>): [string, string][] {
  return Object.entries(headers);
}

export function verifyWith(type: SourceType, config: SourceConfig, received: Received): Verdict {
  const verifier = compileVerifier(type, config);
  if (verifier === null) throw new Error(`${type} has nothing to verify`);
  return verifier.verify(received);
}

/** A network that knows some documents and counts what it is asked. */
export function network(documents: Record<string, string | ((options: FetchOptions) => string)>) {
  const asked: string[] = [];
  const fetchDocument: FetchDocument = (url, options) => {
    asked.push(url);
    const document = documents[url];
    if (document === undefined) return Promise.resolve({ status: 404, body: Buffer.alloc(0) });
    const text = typeof document === 'string' ? document : document(options);
    return Promise.resolve({ status: 200, body: Buffer.from(text) });
  };
  let nowMs = NOW_MS;
  return {
    asked,
    fetchDocument,
    keys: createKeys({ fetchDocument, now: () => nowMs }),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

/** The verdict a sender hears in the answer: what is deferred with no need of the network is settled without one. */
export async function answerWith(
  type: SourceType,
  config: SourceConfig,
  received: Received,
): Promise<Verdict> {
  const verifier = compileVerifier(type, config);
  if (verifier === null) throw new Error(`${type} has nothing to verify`);
  return answerOf(verifier, received);
}

const NO_NETWORK = createKeys({ fetchDocument: () => Promise.reject(new Error('no network')) });

export async function answerOf(
  verifier: Verifier,
  received: Received,
  keys = NO_NETWORK,
): Promise<Verdict> {
  const verdict = verifier.verify(received);
  if (!isDeferred(verdict) || verdict.local !== true) return verdict;
  if (verifier.settle === undefined) throw new Error('nothing to settle with');
  return verifier.settle(received, keys);
}

export async function settleWith(
  type: SourceType,
  config: SourceConfig,
  { received, keys }: { received: Received; keys: ReturnType<typeof createKeys> },
): Promise<Verdict> {
  const verifier = compileVerifier(type, config);
  const verdict = verifier?.verify(received);
  if (verdict === undefined) throw new Error(`${type} has nothing to verify`);
  if (!('deferred' in verdict)) return verdict;
  if (verifier?.settle === undefined) throw new Error(`${type} has nothing to settle with`);
  return verifier.settle(received, keys);
}

type Signed = {
  scheme: SignedScheme;
  secret: string;
  body: Buffer;
  url?: string;
  atMs?: number;
  fields?: Record<string, string>;
};

const ID = 'id_0001';

/**
 * Signs a request as a provider would, written apart from the engine so that one can be wrong without the other:
 * strings and `replaceAll` here, buffers there.
 */
export function signRequest({
  scheme,
  secret,
  body,
  url = URL_AT_PROVIDER,
  atMs = NOW_MS,
  fields = {},
}: Signed): Received {
  const timestamp = timestampText(scheme, atMs);
  const headers = contentHeaders(scheme, timestamp);
  const query = new URLSearchParams();
  const layout = scheme.layout;
  const parts = scheme.content
    .split(/(\{[^{}]*\})/)
    .map((word) => partOf(word, { headers, timestamp, secret, body, url, fields }));
  const mac = macOf(scheme, { secret, content: Buffer.concat(parts) });
  const text =
    scheme.encoding === 'base64hex'
      ? Buffer.from(mac.toString('hex')).toString('base64')
      : mac.toString(scheme.encoding);
  const name = scheme.signature.slice(scheme.signature.indexOf(':') + 1);
  const place = scheme.signature.slice(0, scheme.signature.indexOf(':'));
  if (place === 'query') query.set(name, text);
  else
    headers.push([
      layout.kind === 'numbered' ? `${name}1` : name,
      written(layout, { text, timestamp }),
    ]);
  return request({ headers, body, url, rawQuery: query.toString(), receivedAtMs: NOW_MS });
}

function timestampText(scheme: SignedScheme, atMs: number): string {
  switch (scheme.timestamp?.unit) {
    case 'ms':
      return String(atMs);
    case 'iso':
      return new Date(atMs).toISOString();
    case 's':
    case 'auto':
    case undefined:
      break;
  }
  return String(Math.floor(atMs / 1000));
}

function contentHeaders(scheme: SignedScheme, timestamp: string): [string, string][] {
  const names = [...scheme.content.matchAll(/\{header:([^}]+)\}/g)].map((match) => match[1] ?? '');
  const fromRule =
    scheme.timestamp?.from.startsWith('header:') === true ? [scheme.timestamp.from.slice(7)] : [];
  return [...new Set([...names, ...fromRule])].map((name) => [
    name,
    `header:${name}` === scheme.timestamp?.from ? timestamp : ID,
  ]);
}

type Parts = {
  headers: [string, string][];
  timestamp: string;
  secret: string;
  body: Buffer;
  url: string;
  fields: Record<string, string>;
};

function partOf(word: string, { headers, timestamp, secret, body, url, fields }: Parts): Buffer {
  if (word === '{body}') return body;
  if (word === '{secret}') return Buffer.from(secret);
  if (word === '{url}') return Buffer.from(url);
  if (word === '{decodedUrl}') return Buffer.from(url);
  if (word === '{method}') return Buffer.from('POST');
  if (word === '{pathAndQuery}') return Buffer.from(new URL(url).pathname + new URL(url).search);
  if (word === '{sha256hex(body)}')
    return Buffer.from(createHash('sha256').update(body).digest('hex'));
  if (word.startsWith('{header:'))
    return Buffer.from(headers.find(([name]) => `{header:${name}}` === word)?.[1] ?? '');
  if (word.startsWith('{pair:')) return Buffer.from(timestamp);
  if (word.startsWith('{field:')) return Buffer.from(fields[word.slice(7, -1)] ?? '');
  if (word.startsWith('{json:'))
    return Buffer.from(
      String((JSON.parse(body.toString()) as Record<string, unknown>)[word.slice(6, -1)]),
    );
  return Buffer.from(word);
}

function macOf(
  scheme: SignedScheme,
  { secret, content }: { secret: string; content: Buffer },
): Buffer {
  const algorithm = scheme.algorithm.split('-')[1] ?? '';
  if (scheme.algorithm.startsWith('hash-')) return createHash(algorithm).update(content).digest();
  const key = { utf8: 'utf8', hex: 'hex', base64: 'base64', whsec: 'base64', public: 'utf8' }[
    scheme.key
  ] as BufferEncoding;
  return createHmac(
    algorithm,
    Buffer.from(secret.replace(/^whsec_/, scheme.key === 'whsec' ? '' : 'whsec_'), key),
  )
    .update(content)
    .digest();
}

function written(
  layout: SignedScheme['layout'],
  { text, timestamp }: { text: string; timestamp: string },
): string {
  switch (layout.kind) {
    case 'raw':
    case 'numbered':
      return text;
    case 'prefix':
    case 'list':
      return layout.prefix + text;
    case 'pairs':
      return ['t', 'ts', 'v']
        .map((name) => `${name}=${timestamp}`)
        .concat(`${layout.signature}=${text}`)
        .join(layout.separator);
    case 'positions':
      break;
  }
  return Array.from({ length: layout.signatureFrom + 1 }, (_, index) =>
    index === layout.timestampAt ? timestamp : index === layout.signatureFrom ? text : 'hmac',
  ).join(layout.separator);
}

/** A secret in the form a scheme wants. */
export function secretFor(scheme: SignedScheme, seed = 'correct horse battery staple'): string {
  const bytes = createHash('sha256').update(seed).digest();
  switch (scheme.key) {
    case 'hex':
      return bytes.toString('hex');
    case 'base64':
      return bytes.toString('base64');
    case 'whsec':
      return `whsec_${bytes.toString('base64')}`;
    case 'utf8':
    case 'public':
      break;
  }
  return seed;
}
