import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { DestinationAuth } from '../../src/domain/schema/destination-auth.ts';
import { createAuthenticatedSender } from '../../src/egress/authentication.ts';
import { httpReceiver, loopbackSender, requestTo } from './receivers.ts';

type Received = { url: string; headers: IncomingHttpHeaders };

/** Sends one request with the given authentication and says what arrived. */
async function receivedWith(
  auth: DestinationAuth,
  { headers = [], path = '' }: { headers?: [string, string][]; path?: string } = {},
): Promise<Received> {
  let received: Received = { url: '', headers: {} };
  const { url } = await httpReceiver((request, response) => {
    received = { url: request.url ?? '', headers: request.headers };
    response.end();
  });
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  const outcome = await sender.send(requestTo(url + path, { headers }), auth);
  expect(outcome).toMatchObject({ kind: 'delivered' });
  return received;
}

describe('credentials that need no question', () => {
  test('Basic, with any characters, in place of what the sender sent', async () => {
    const { headers } = await receivedWith(
      { auth_type: 'BASIC_AUTH', auth: { username: 'Jürgen', password: 'a:b' } },
      { headers: [['Authorization', 'Bearer sender']] },
    );
    const pair = Buffer.from('Jürgen:a:b').toString('base64');
    expect(headers['authorization']).toBe(`Basic ${pair}`);
  });

  test('a bearer token', async () => {
    const { headers } = await receivedWith({ auth_type: 'BEARER_TOKEN', auth: { token: 't0' } });
    expect(headers['authorization']).toBe('Bearer t0');
  });

  test('an API key in a header', async () => {
    const { headers } = await receivedWith({
      auth_type: 'API_KEY',
      auth: { key: 'X-Key', api_key: 'k 1' },
    });
    expect(headers['x-key']).toBe('k 1');
  });

  test('an API key in the query, the rest of which stays as it was', async () => {
    const { url } = await receivedWith(
      { auth_type: 'API_KEY', auth: { key: 'the key', api_key: 'k&1', to: 'query' } },
      { path: `a'b?a=%2F+x&the+key=forged&b="'|` },
    );
    expect(url).toBe(`/a'b?a=%2F+x&b="'|&the%20key=k%261`);
  });

  test('a signature of the body under a name of its own', async () => {
    const { headers } = await receivedWith({
      auth_type: 'CUSTOM_SIGNATURE',
      auth: { key: 'X-Body-Signature', signing_secret: 's' },
    });
    const expected = createHmac('sha256', 's').update('{"a":1}').digest('base64');
    expect(headers['x-body-signature']).toBe(expected);
  });

  test('our own signature, which is in the request already', async () => {
    const { headers } = await receivedWith({ auth_type: 'HOOKDECK_SIGNATURE', auth: {} });
    expect(Object.keys(headers).toSorted()).toEqual(['connection', 'content-length', 'host']);
  });
});

const CREDENTIALS = {
  access_key_id: 'AKIDEXAMPLE',
  secret_access_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  region: 'eu-west-1',
};

/** What AWS makes of a request that arrived, for the path and query in the form it signs. */
function awsAuthorization(
  { headers }: Received,
  { path, query, service }: { path: string; query: string; service: string },
): string {
  const date = String(headers['x-amz-date']);
  const bodyHash = createHash('sha256').update('{"a":1}').digest('hex');
  const names = 'host;x-amz-content-sha256;x-amz-date;x-amz-meta';
  const canonical = [
    'POST',
    path,
    query,
    `host:${headers['host']}`,
    `x-amz-content-sha256:${bodyHash}`,
    `x-amz-date:${date}`,
    'x-amz-meta:m',
    '',
    names,
    bodyHash,
  ].join('\n');
  const scope = `${date.slice(0, 8)}/eu-west-1/${service}/aws4_request`;
  const canonicalHash = createHash('sha256').update(canonical).digest('hex');
  const toSign = ['AWS4-HMAC-SHA256', date, scope, canonicalHash].join('\n');
  const key = scope
    .split('/')
    .reduce<Buffer | string>(
      (key, part) => createHmac('sha256', key).update(part).digest(),
      `AWS4${CREDENTIALS.secret_access_key}`,
    );
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names}, Signature=${signature}`;
}

test.each([
  ['execute-api', 'prod/a?b=2&a=1', '/prod/a', 'a=1&b=2'],
  ['execute-api', 'prod/a%20b/?b', '/prod/a%2520b/', 'b='],
  ['execute-api', `it's/"x"?q='1'&p="`, '/it%27s/%22x%22', 'p=%22&q=%271%27'],
  ['execute-api', 'a//b/./c/../d', '/a/b/d', ''],
  ['execute-api', 'x?b=%E9&c=%zz+', '/x', 'b=%E9&c=%25zz%20'],
  ['execute-api', 'x?a=2&a=1&&a', '/x', 'a=&a=1&a=2'],
  ['s3', "bucket/it's/a%20b/./c//d?x=1", '/bucket/it%27s/a%20b/./c//d', 'x=1'],
])('AWS (%s): %j leaves as it is, and what is signed is what is sent', async (service, ...row) => {
  const [path, canonicalPath, query] = row;
  const received = await receivedWith(
    { auth_type: 'AWS_SIGNATURE', auth: { ...CREDENTIALS, service } },
    { headers: [['X-Amz-Meta', 'm']], path },
  );
  expect(received.url).toBe(`/${path}`);
  expect(received.headers['authorization']).toBe(
    awsAuthorization(received, { path: canonicalPath, query, service }),
  );
});
