import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answersIn, exchange } from '../../support/raw-http.ts';
import { PUBLIC_URL, startIngest, type Ingest } from '../ingest/ingest.ts';

const TOKEN = 'a token of Twilio';
let open: Ingest;
let behind: Ingest;
let proxied: Ingest;
beforeAll(async () => {
  [open, behind, proxied] = await Promise.all([
    startIngest(),
    startIngest({ trustedProxies: ['127.0.0.0/8'] }),
    startIngest({ trustedProxies: ['127.0.0.1'], proxyProtocol: true }),
  ]);
});
afterAll(() => Promise.all([open.close(), behind.close(), proxied.close()]));

const signed = (url: string) => ({
  'content-type': 'application/x-www-form-urlencoded',
  'x-twilio-signature': createHmac('sha1', TOKEN).update(`${url}a1`).digest('base64'),
});
const twilio = (ingest: Ingest) => ingest.source('TWILIO', { auth: { webhook_secret_key: TOKEN } });

async function stored(ingest: Ingest, id: string) {
  const { rows } = await ingest.db.query<{ remote_address: string; origin: string | null }>({
    text: 'select remote_address, origin, headers from request_data where id = $1',
    values: [id],
  });
  return rows[0]!;
}

test.each([
  [
    'X-Forwarded',
    {
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'in.example',
    },
  ],
  ['Forwarded', { forwarded: 'for=203.0.113.9;proto=https;host=in.example' }],
])(
  'a signed URL and the sender’s address are those that a trusted proxy saw: %s',
  async (_name, seen) => {
    for (const ingest of [open, behind]) {
      const source = await twilio(ingest);
      const { kept } = await ingest.sendTo(source, {
        headers: { ...signed(`https://in.example/in/${source}`), ...seen },
        body: 'a=1',
      });
      const isTrusted = ingest === behind;
      expect(kept[0]).toMatchObject({ verified: isTrusted });
      expect(await stored(ingest, kept[0]!.id)).toMatchObject({
        remote_address: isTrusted ? '203.0.113.9' : '127.0.0.1',
        origin: isTrusted ? 'https://in.example' : null,
        // What was received is kept, whoever wrote it.
        headers: expect.arrayContaining(
          Object.entries(seen).map((pair) => expect.arrayContaining([pair[1]])),
        ),
      });
    }
  },
);

test('the URL that is set is signed as well, whatever a proxy says', async () => {
  for (const isPublicUrlSet of [true, false]) {
    const ingest = await startIngest({ trustedProxies: ['127.0.0.1'], isPublicUrlSet });
    try {
      const source = await twilio(ingest);
      for (const begin of [PUBLIC_URL, 'http://in.example']) {
        const { kept } = await ingest.sendTo(source, {
          headers: { ...signed(`${begin}/in/${source}`), 'x-forwarded-host': 'in.example' },
          body: 'a=1',
        });
        expect(kept[0]).toMatchObject({ verified: true });
      }
      const { kept } = await ingest.sendTo(source, {
        headers: {
          ...signed(`http://other.example/in/${source}`),
          'x-forwarded-host': 'in.example',
        },
        body: 'a=1',
      });
      expect(kept[0]).toMatchObject({ verified: false, rejection_cause: 'VERIFICATION_FAILED' });
    } finally {
      await ingest.close();
    }
  }
});

test('without X-Forwarded-Host the host is the one of the request', async () => {
  const source = await twilio(behind);
  const headers = Object.entries(signed(`https://in.example/in/${source}`))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const heard = await exchange(
    behind.port,
    `POST /in/${source} HTTP/1.1\r\nHost: in.example\r\nX-Forwarded-Proto: https\r\n${headers}Content-Length: 3\r\n\r\na=1`,
    { halfClose: true },
  );
  expect(answersIn(heard)[0]?.status).toBe(200);
  expect((await behind.rowsOf(source))[0]).toMatchObject({ verified: true });
});

const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const v2 = (command: number, family: number, addresses: Buffer) => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(addresses.length);
  return Buffer.concat([V2, Buffer.from([0x20 | command, family]), length, addresses]);
};
const ports = Buffer.from([1, 2, 3, 4]);
const four = Buffer.concat([Buffer.from([203, 0, 113, 9, 10, 0, 0, 1]), ports]);
const six = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.alloc(16),
  ports,
]);
const more = Buffer.from([0xea, 0, 2, 1, 1]);

test.each([
  ['version 1', Buffer.from('PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n'), '203.0.113.9'],
  ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:db8::1 ::1 4711 80\r\n'), '2001:db8::1'],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), '127.0.0.1'],
  ['version 2', v2(1, 0x11, four), '203.0.113.9'],
  ['version 2, IPv6', v2(1, 0x21, six), '2001:db8::1'],
  ['version 2 with more behind it', v2(1, 0x11, Buffer.concat([four, more])), '203.0.113.9'],
  ['version 2, for itself', v2(0, 0, Buffer.alloc(0)), '127.0.0.1'],
  ['version 2, another family', v2(1, 0x31, Buffer.alloc(216)), '127.0.0.1'],
])('the PROXY protocol tells where a connection came from: %s', async (_what, header, address) => {
  const source = await proxied.source('WEBHOOK');
  const request = (close: string) =>
    `POST /in/${source} HTTP/1.1\r\nHost: a\r\n${close}Content-Length: 2\r\n\r\n{}`;
  const both = request('') + request('Connection: close\r\n');
  const heard = await exchange(proxied.port, Buffer.concat([header, Buffer.from(both)]));
  expect(answersIn(heard).map(({ status }) => status)).toEqual([200, 200]);
  for (const { id } of await proxied.rowsOf(source)) {
    expect((await stored(proxied, id)).remote_address).toBe(address);
  }
});

test('a PROXY header may come byte by byte, and the request behind it as well', async () => {
  const source = await proxied.source('WEBHOOK');
  const request = Buffer.from(
    `POST /in/${source} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
  );
  const heard = await drip(proxied.port, Buffer.concat([v2(1, 0x11, four), request]));
  expect(answersIn(heard)[0]?.status).toBe(200);
  const [row] = await proxied.rowsOf(source);
  expect((await stored(proxied, row!.id)).remote_address).toBe('203.0.113.9');
});

test.each([
  ['none', ''],
  ['a broken line', 'PROXY TCP4 nonsense 10.0.0.1 1 2\r\n'],
  ['an IPv6 address where it says IPv4', 'PROXY TCP4 ::1 10.0.0.1 1 2\r\n'],
  ['a line without an end', `PROXY TCP4 ${'1'.repeat(200)}`],
  ['version 3', `${V2.toString('latin1')}\x31\x11\0\x0c`],
  ['addresses that are too short', v2(1, 0x11, Buffer.alloc(4)).toString('latin1')],
])('a trusted proxy whose connection begins otherwise is not heard: %s', async (_what, begin) => {
  const source = await proxied.source('WEBHOOK');
  const request = `POST /in/${source} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`;
  const heard = await exchange(proxied.port, Buffer.from(begin + request, 'latin1')).catch(
    () => '',
  );
  expect(heard).toBe('');
  expect(await proxied.rowsOf(source)).toEqual([]);
});

test('from anybody else a PROXY header is no HTTP', async () => {
  const ingest = await startIngest({ trustedProxies: ['10.0.0.0/8'], proxyProtocol: true });
  try {
    const source = await ingest.source('WEBHOOK');
    const request = `POST /in/${source} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`;
    const heard = await exchange(ingest.port, `PROXY TCP4 203.0.113.9 10.0.0.1 1 2\r\n${request}`);
    expect(answersIn(heard).map(({ status }) => status)).toEqual([400]);
    expect(answersIn(await exchange(ingest.port, request))[0]?.status).toBe(200);
  } finally {
    await ingest.close();
  }
});

async function drip(port: number, bytes: Buffer): Promise<string> {
  const { connect } = await import('node:net');
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  for (const byte of bytes) {
    await new Promise((written) => socket.write(Buffer.from([byte]), written));
  }
  await new Promise((closed) => socket.once('close', closed));
  return heard;
}
