import { createHash } from 'node:crypto';
import { AwsV4Signer } from 'aws4fetch';
import type { Header } from '../domain/outcome.ts';
import { hex, splitUrl } from './request-target.ts';
import type { OutgoingRequest } from './send.ts';

export type AwsCredentials = {
  access_key_id: string;
  secret_access_key: string;
  region: string;
  service: string;
};

const WRITTEN_HERE = new Set([
  'authorization',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
]);

/** The request signed with AWS Signature Version 4, its body and every `x-amz-` header included. */
export async function awsSigned(
  request: OutgoingRequest,
  { credentials, nowMs }: { credentials: AwsCredentials; nowMs: number },
): Promise<OutgoingRequest> {
  const others = request.headers.filter(([name]) => !WRITTEN_HERE.has(name.toLowerCase()));
  const signer = new AwsV4Signer({
    url: request.url,
    method: request.method,
    headers: [
      ...others.filter(([name]) => name.toLowerCase().startsWith('x-amz-')),
      ['x-amz-content-sha256', createHash('sha256').update(request.body).digest('hex')],
    ],
    accessKeyId: credentials.access_key_id,
    secretAccessKey: credentials.secret_access_key,
    region: credentials.region,
    service: credentials.service,
    datetime: new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, ''),
  });
  const { encodedPath, encodedSearch } = canonical(request.url, credentials.service);
  const signed = await Object.assign(signer, { encodedPath, encodedSearch }).sign();
  const written: Header[] = [];
  for (const [name, value] of signed.headers) {
    if (WRITTEN_HERE.has(name)) written.push([name, value]);
  }
  return { ...request, headers: [...others, ...written] };
}

/** Path and query in the form that is signed, from the bytes that are sent: the library reads them as text. */
function canonical(url: string, service: string): { encodedPath: string; encodedSearch: string } {
  const { path = '/', query = '' } = splitUrl(url) ?? {};
  if (service === 's3') {
    // Objects have the names they have: encoded once, nothing resolved.
    const encodedPath = path.replaceAll('+', ' ').split('/').map(decodedAndEncoded).join('/');
    return { encodedPath, encodedSearch: canonicalQuery(query) };
  }
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(encoded(segment));
  }
  const slash = segments.length > 0 && /\/\.{0,2}$/.test(path) ? '/' : '';
  return { encodedPath: `/${segments.join('/')}${slash}`, encodedSearch: canonicalQuery(query) };
}

function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  const encodedPairs = pairs.map((pair): [string, string] => {
    const [name = '', ...value] = pair.replaceAll('+', ' ').split('=');
    return [decodedAndEncoded(name), decodedAndEncoded(value.join('='))];
  });
  const sorted = encodedPairs.toSorted(
    ([a, x], [b, y]) => Number(a > b) - Number(a < b) || Number(x > y) - Number(x < y),
  );
  return sorted.map((pair) => pair.join('=')).join('&');
}

function decodedAndEncoded(text: string): string {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return encoded(bytes);
}

/** Percent-encodes every byte but the unreserved ones of RFC 3986. */
function encoded(bytes: string): string {
  return bytes.replace(/[^A-Za-z0-9\-._~]/g, (byte) => `%${hex(byte.charCodeAt(0))}`);
}
