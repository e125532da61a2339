import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { createResolver } from '../../src/egress/resolve.ts';

const sockets: dgram.Socket[] = [];
afterEach(() => sockets.splice(0).forEach((socket) => socket.close()));

type Records = Record<string, { a?: string[]; aaaa?: string[]; code?: number } | 'silent'>;

/** A DNS server on loopback: names it does not know do not exist. */
async function dnsServer(records: Records) {
  const questions: string[] = [];
  const socket = dgram.createSocket('udp4');
  sockets.push(socket);
  socket.on('message', (query, from) => {
    const { name, type, end } = questionOf(query);
    questions.push(`${name} ${type === 1 ? 'A' : 'AAAA'}`);
    const record = records[name];
    if (record === 'silent') return;
    const texts = (type === 1 ? record?.a : record?.aaaa) ?? [];
    const answers = texts.map((text) => answerOf(type, bytesOf(text)));
    const code = record === undefined ? 3 : (record.code ?? 0);
    const head = Buffer.from([0x81, 0x80 | code, 0, 1, 0, answers.length, 0, 0, 0, 0]);
    const whole = [query.subarray(0, 2), head, query.subarray(12, end), ...answers];
    socket.send(Buffer.concat(whole), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { servers: [`127.0.0.1:${socket.address().port}`], questions };
}

function questionOf(query: Buffer) {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answerOf(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 1, 0, data.length]);
  return Buffer.concat([head, data]);
}

function bytesOf(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::').map((part) => part.replaceAll(':', ''));
  return Buffer.from(head + tail.padStart(32 - head.length, '0'), 'hex');
}

test('all addresses of a name are found, of both families', async () => {
  const { servers } = await dnsServer({
    'hook.example': { a: ['203.0.113.1', '203.0.113.2'], aaaa: ['2001:0db8::0001'] },
  });
  const resolve = createResolver({ servers });
  const found = await resolve('hook.example');
  expect(found.toSorted()).toEqual(['2001:db8::1', '203.0.113.1', '203.0.113.2']);
});

test('a name with addresses of one family is found', async () => {
  const { servers } = await dnsServer({ 'six.example': { aaaa: ['2001:0db8::0006'] } });
  expect(await createResolver({ servers })('six.example')).toEqual(['2001:db8::6']);
});

test('questions for one name at the same time are asked once', async () => {
  const { servers, questions } = await dnsServer({ 'hook.example': { a: ['203.0.113.1'] } });
  const resolve = createResolver({ servers });
  await Promise.all(Array.from({ length: 50 }, () => resolve('hook.example')));
  expect(questions.toSorted()).toEqual(['hook.example A', 'hook.example AAAA']);
});

test('twenty names whose server is silent do not hold up another one', async () => {
  const slow = Array.from({ length: 20 }, (_, i) => `slow-${i}.example`);
  const records: Records = Object.fromEntries(slow.map((name) => [name, 'silent']));
  const { servers } = await dnsServer({ ...records, 'good.example': { a: ['203.0.113.1'] } });
  const resolve = createResolver({ servers, timeoutMs: 500 });
  const given: string[] = [];
  const waiting = slow.map((name) => resolve(name).catch(({ code }) => given.push(String(code))));
  expect(await resolve('good.example')).toEqual(['203.0.113.1']);
  expect(given).toEqual([]);
  await Promise.all(waiting);
  expect(given).toEqual(slow.map(() => 'ETIMEOUT'));
});

test('a server that fails is not taken for a name that does not exist', async () => {
  const { servers } = await dnsServer({ 'broken.example': { code: 2 } });
  await expect(createResolver({ servers })('broken.example')).rejects.toThrow(/ESERVFAIL/);
});

test('names that are not in the DNS are looked for on this machine', async () => {
  const { servers } = await dnsServer({});
  const resolve = createResolver({ servers });
  expect(await resolve('localhost')).toContain('127.0.0.1');
  await expect(resolve('nowhere.invalid')).rejects.toThrow(/ENOTFOUND/);
});
