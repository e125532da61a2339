import { afterAll, beforeAll, expect, test } from 'vitest';
import { answersIn, exchange } from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';
import { startIngest, type Ingest } from '../ingest/ingest.ts';

let ingest: Ingest;
let source: string;
beforeAll(async () => {
  ingest = await startIngest();
  source = await ingest.source('WEBHOOK');
});
afterAll(() => ingest.close());

const post = (target: string, headers = 'Host: a\r\n', body = '{}') =>
  `POST ${target} HTTP/1.1\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

async function say(text: string, options: { halfClose?: boolean } = { halfClose: true }) {
  const heard = await exchange(ingest.port, text, options);
  return answersIn(heard);
}

const connections = () =>
  new Promise<number>((resolve, reject) => {
    ingest.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });

test('who has said all it has to say, and ends its half of the connection, is answered', async () => {
  const [answer, ...more] = await say(post(`/in/${source}/half`));
  expect(answer?.status).toBe(200);
  expect(more).toEqual([]);
  const { request_id: id } = JSON.parse(answer!.body) as { request_id: string };
  expect((await ingest.rowsOf(source)).map((row) => row.id)).toContain(id);
});

test('each of several requests on such a connection is answered, in their order', async () => {
  const answers = await say(post(`/in/${source}/1`) + post('/in/nobody') + post(`/in/${source}/3`));
  expect(answers.map(({ status }) => status)).toEqual([200, 404, 200]);
});

test('a connection ends when both sides are done, whoever was the first', async () => {
  await say(post(`/in/${source}`));
  await say('', { halfClose: true });
  await say(post(`/in/${source}`, 'Host: a\r\nConnection: close\r\n'), {});
  expect(await until('all are closed', async () => (await connections()) === 0)).toBe(true);
});

test('who ends in the middle of a request is told, and nothing is stored', async () => {
  const before = (await ingest.rowsOf(source)).length;
  const cut = `POST /in/${source} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{}`;
  const [answer] = await say(cut);
  expect(answer?.status).toBe(400);
  expect(answer?.body).toContain('ended before the request did');
  expect(await ingest.rowsOf(source)).toHaveLength(before);
});

test('the answer to a whole request comes before the word on what follows it', async () => {
  const answers = await say(`${post(`/in/${source}`)}NONSENSE\r\n\r\n`, {});
  expect(answers.map(({ status }) => status)).toEqual([200, 400]);
});

test.each([
  ['http', 'http://hooks.example.com'],
  ['another case', 'HTTP://Hooks.Example.COM'],
  ['https', 'https://hooks.example.com:8443'],
  ['an address', 'http://[::1]:8300'],
])('a whole URL in the request line leads where its path does: %s', async (_what, begin) => {
  const [answer] = await say(post(`${begin}/in/${source}/orders/7?a=%27&b`));
  expect(answer?.status).toBe(200);
  const row = (await ingest.rowsOf(source)).at(-1)!;
  const { rows } = await ingest.db.query<{ path: string; query: string }>({
    text: 'select path, query from request_data where id = $1',
    values: [row.id],
  });
  expect(rows[0]).toEqual({ path: '/orders/7', query: 'a=%27&b' });
});

test.each([
  ['a user', 'http://user:pw@hooks.example.com/in/x'],
  ['no host', 'http:///in/x'],
  ['another scheme', 'ftp://hooks.example.com/in/x'],
  ['a host alone', 'hooks.example.com:80'],
  ['an asterisk', '*'],
])('a request line that leads nowhere is 400: %s', async (_what, target) => {
  const [answer] = await say(post(target));
  expect(answer?.status).toBe(400);
  expect(JSON.parse(answer!.body)).toMatchObject({ code: 'BAD_REQUEST' });
});

test('OPTIONS * asks about the server, and CONNECT leads nowhere', async () => {
  expect((await say('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'))[0]?.status).toBe(204);
  expect((await say('CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n', {}))[0]?.status).toBe(405);
});

test.each([
  ['two', 'Host: a\r\nHost: a\r\n'],
  ['two in another case', 'Host: a\r\nhOST: b\r\n'],
  ['none', ''],
  ['an empty one', 'Host:\r\n'],
  ['a space', 'Host: a b\r\n'],
  ['a comma', 'Host: a,b\r\n'],
  ['a user', 'Host: me@a\r\n'],
  ['a path', 'Host: a/b\r\n'],
  ['a scheme', 'Host: http://a\r\n'],
  ['no port number', 'Host: a:b\r\n'],
  ['a port too large', 'Host: a:65536\r\n'],
  ['a port alone', 'Host: :80\r\n'],
  ['an address without brackets', 'Host: ::1\r\n'],
  ['half a bracket', 'Host: [::1\r\n'],
  ['no address in brackets', 'Host: [a::z]\r\n'],
  ['a quote', 'Host: "a"\r\n'],
  ['a percent sign alone', 'Host: a%2\r\n'],
  ['letters beyond ASCII', 'Host: \xe9.example\r\n'],
])('a Host header that is not one valid host is 400, in words: %s', async (_what, headers) => {
  const [answer] = await say(post(`/in/${source}`, headers));
  expect(answer?.status).toBe(400);
  expect((JSON.parse(answer!.body) as { message: string }).message).toContain('Host header');
});

test.each([
  'a',
  'A.example.',
  'under_score.example',
  'a:',
  'a:80',
  '127.0.0.1:1',
  '[::1]',
  '[fe80::1]:80',
])('a valid Host is taken: %s', async (host) => {
  expect((await say(post(`/in/${source}`, `Host: ${host}\r\n`)))[0]?.status).toBe(200);
});

test('HTTP/1.0 needs no Host, and an invalid one or a second one is wrong there too', async () => {
  const old = (headers: string) =>
    say(`POST /in/${source} HTTP/1.0\r\n${headers}Content-Length: 2\r\n\r\n{}`);
  expect((await old(''))[0]?.status).toBe(200);
  expect((await old('Host: a b\r\n'))[0]?.status).toBe(400);
  expect((await old('Host: a\r\nHost: a\r\n'))[0]?.status).toBe(400);
});

const CHUNKED = '2\r\n{}\r\n0\r\n\r\n';
const framed = (headers: string, body: string, version = '1.1') =>
  `POST /in/SOURCE HTTP/${version}\r\nHost: a\r\n${headers}\r\n${body}`;

test.each([
  ['two lengths', framed('Content-Length: 2\r\nContent-Length: 3\r\n', '{}')],
  ['the same length twice', framed('Content-Length: 2\r\nContent-Length: 2\r\n', '{}')],
  ['a list of lengths', framed('Content-Length: 2, 2\r\n', '{}')],
  ['a length with a sign', framed('Content-Length: +2\r\n', '{}')],
  ['a negative length', framed('Content-Length: -2\r\n', '{}')],
  ['a length in hex', framed('Content-Length: 0x2\r\n', '{}')],
  ['an empty length', framed('Content-Length:\r\n', '{}')],
  ['a length beyond numbers', framed('Content-Length: 99999999999999999999\r\n', '{}')],
  ['a length, then chunks', framed('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', CHUNKED)],
  ['chunks, then a length', framed('Transfer-Encoding: chunked\r\nContent-Length: 2\r\n', CHUNKED)],
  [
    'chunked twice',
    framed('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', CHUNKED),
  ],
  ['chunked in a list', framed('Transfer-Encoding: chunked, chunked\r\n', CHUNKED)],
  ['chunked, but not at last', framed('Transfer-Encoding: chunked, identity\r\n', CHUNKED)],
  ['compressed in transfer', framed('Transfer-Encoding: gzip, chunked\r\n', CHUNKED)],
  ['a coding nobody knows', framed('Transfer-Encoding: xchunked\r\n', CHUNKED)],
  ['identity', framed('Transfer-Encoding: identity\r\n', '{}')],
  ['a control character in it', framed('Transfer-Encoding: \x0bchunked\r\n', CHUNKED)],
  ['chunks in HTTP/1.0', framed('Transfer-Encoding: chunked\r\n', CHUNKED, '1.0')],
  ['a space before the colon', framed('Content-Length : 2\r\n', '{}')],
  ['a folded line', framed('X-A: b\r\n c\r\nContent-Length: 2\r\n', '{}')],
  ['line feeds alone', 'POST /in/SOURCE HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}'],
  ['a carriage return alone', framed('X-A: b\rX-C: d\r\nContent-Length: 2\r\n', '{}')],
  ['a NUL', framed('X-A: \0\r\nContent-Length: 2\r\n', '{}')],
  ['a chunk size with a sign', framed('Transfer-Encoding: chunked\r\n', `+${CHUNKED}`)],
  ['a chunk size in C', framed('Transfer-Encoding: chunked\r\n', `0x${CHUNKED}`)],
  ['chunks ended by line feeds', framed('Transfer-Encoding: chunked\r\n', '2\n{}\n0\n\n')],
  [
    'a length behind the chunks',
    framed('Transfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n'),
  ],
  ['HTTP of before', 'POST /in/SOURCE\r\n\r\n'],
  ['HTTP of a day to come', framed('Content-Length: 2\r\n', '{}', '3.0')],
])(
  'a request that two readers could read differently is 400, and its connection is closed: %s',
  async (_what, text) => {
    const before = (await ingest.rowsOf(source)).length;
    const smuggled = post(`/in/${source}/smuggled`);
    const answers = await say(text.replace('SOURCE', source) + smuggled, {});
    expect(answers.map(({ status }) => status)).toEqual([400]);
    expect(await ingest.rowsOf(source)).toHaveLength(before);
  },
);
