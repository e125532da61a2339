import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createBodyBudget,
  DEFAULT_BUDGET,
  type BodyBudget,
} from '../../../src/api/ingest/body-budget.ts';
import { answersIn, exchange } from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';
import { startIngest, type Ingest } from './ingest.ts';

const MIB = 1024 * 1024;
const MAX_BODY_BYTES = 10 * MIB;
const ZEROS = Buffer.alloc(MAX_BODY_BYTES);
const BUDGET_BYTES = 96 * MIB;

let ingest: Ingest;
let budget: BodyBudget;
let source: string;
const sockets = new Set<Socket>();

beforeAll(async () => {
  budget = createBodyBudget({
    bytes: BUDGET_BYTES,
    perAddressBytes: 32 * MIB,
    leastBytesPerSecond: 512,
  });
  ingest = await startIngest({
    budget,
    maxBodyBytes: MAX_BODY_BYTES,
    trustedProxies: ['127.0.0.1'],
    maxConnections: 2_000,
  });
  source = await ingest.source('WEBHOOK');
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await ingest.close();
});

/** Sends all of a body but its last byte, and then nothing. */
function stall(
  length: number,
  headers = `Content-Length: ${length}\r\n`,
  body = ZEROS.subarray(0, length - 1),
) {
  const socket = connect(ingest.port, '127.0.0.1');
  sockets.add(socket);
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  socket.on('error', () => {});
  socket.once('close', () => sockets.delete(socket));
  socket.write(`POST /in/${source} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
  socket.write(body);
  return { heard: () => heard, close: () => socket.destroy() };
}

async function leave(stalled: { close: () => void }[]): Promise<void> {
  for (const one of stalled) one.close();
  await until('all is given back', () => budget.usedBytes() === 0);
}

const ADDRESS = { 'x-forwarded-for': '203.0.113.9' };

test('300 senders that hold back the last byte of 10 MiB take no more than the budget, and others are answered meanwhile', async () => {
  const stalled = Array.from({ length: 300 }, () => stall(MAX_BODY_BYTES));
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, budget.usedBytes())), 5);
  try {
    await until('their bytes come', () => budget.large.used() >= 30 * MIB);
    // Small ones, and larger ones of the same address and of another one.
    for (const [length, headers] of [
      [2, {}],
      [60_000, {}],
      [MIB, {}],
      [5 * MIB, {}],
      [9 * MIB, ADDRESS],
    ] as const) {
      const answer = await ingest.send(`/in/${source}`, {
        headers,
        body: Buffer.alloc(length, 120),
      });
      expect([length, answer.status]).toEqual([length, 200]);
    }
    expect(stalled.some(({ heard }) => heard() === '')).toBe(true);
  } finally {
    clearInterval(watch);
    await leave(stalled);
  }
  expect(most).toBeGreaterThan(30 * MIB);
  expect(most).toBeLessThanOrEqual(BUDGET_BYTES);
});

test('who is in the way of others and sends nothing is told to come again, by 503 and never by 429', async () => {
  const stalled = Array.from({ length: 8 }, () => stall(MAX_BODY_BYTES));
  try {
    await until('one has left', () => stalled.some(({ heard }) => heard() !== ''));
    const said = stalled.map(({ heard }) => heard()).find((text) => text !== '')!;
    expect(said).toMatch(/^HTTP\/1\.1 503 /);
    expect(said).toMatch(/\r\nretry-after: 2\r\n/i);
    expect(said).toMatch(/\r\nconnection: close\r\n/i);
  } finally {
    await leave(stalled);
  }
});

test('small bodies that stop in the middle keep nobody out either', async () => {
  const stalled = Array.from({ length: 700 }, () => stall(65_536));
  try {
    await until('their bytes come', () => budget.small.used() >= 11 * MIB);
    expect(budget.usedBytes()).toBeLessThanOrEqual(BUDGET_BYTES);
    expect((await ingest.send(`/in/${source}`, { body: '{}' })).status).toBe(200);
    expect((await ingest.send(`/in/${source}`, { headers: ADDRESS, body: '{}' })).status).toBe(200);
  } finally {
    await leave(stalled);
  }
});

test('a body in single bytes is refused before it has cost much', async () => {
  const fine = stall(0, 'Transfer-Encoding: chunked\r\n', Buffer.from('1\r\nx\r\n'.repeat(20_000)));
  await until('it is refused', () => fine.heard() !== '');
  expect(answersIn(fine.heard())[0]).toMatchObject({
    status: 400,
    body: expect.stringContaining('tiny pieces'),
  });
  await leave([fine]);
});

test('a body of unknown length is read to its end, and beyond the limit it is 413', async () => {
  const chunked = (bytes: number) => {
    const chunk = `${(1000).toString(16)}\r\n${'x'.repeat(1000)}\r\n`;
    return exchange(
      ingest.port,
      `POST /in/${source} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(bytes / 1000)}0\r\n\r\n`,
    );
  };
  for (const bytes of [1_000, 64_000, 66_000, 3_000_000]) {
    const { request_id: id } = JSON.parse(answersIn(await chunked(bytes))[0]!.body) as {
      request_id: string;
    };
    const { rows } = await ingest.db.query<{ bytes: number }>({
      text: 'select octet_length(body) as bytes from request_data where id = $1',
      values: [id],
    });
    expect(rows[0]?.bytes).toBe(bytes);
  }
  expect(answersIn(await chunked(11_000_000))[0]?.status).toBe(413);
  await until('all is given back', () => budget.usedBytes() === 0);
});

test('a compressed body counts as what it may become until its sender is answered', async () => {
  let most = 0;
  const own = createBodyBudget(DEFAULT_BUDGET);
  const seen = await startIngest({ budget: own, maxBodyBytes: MAX_BODY_BYTES });
  const github = await seen.source('GITHUB', { auth: { webhook_secret_key: 'x' } });
  const body = gzipSync(Buffer.alloc(9 * MIB));
  const add = seen.store.add;
  seen.store.add = (arrival) => {
    most = Math.max(most, own.decoded.used());
    return add(arrival);
  };
  try {
    const headers = { 'content-encoding': 'gzip' };
    await seen.send(`/in/${github}`, { headers, body });
    expect(most).toBe(Math.min(body.length * 100, 20 * MIB));
    await seen.send(`/in/${github}`, { headers: { 'content-encoding': 'unknown' }, body });
    expect(own.usedBytes()).toBe(0);
  } finally {
    await seen.close();
  }
});

test('a body slower than the floor is given up with 408, and one that is merely slow is taken', async () => {
  const slow = stall(100_000, 'Content-Length: 100000\r\n', Buffer.alloc(10));
  const socket = connect(ingest.port, '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  const pieces = 60;
  socket.write(
    `POST /in/${source} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${pieces * 1000}\r\n\r\n`,
  );
  socket.on('error', () => {});
  let sent = 0;
  const timer = setInterval(() => {
    if (sent++ < pieces) socket.write(Buffer.alloc(1000));
    else clearInterval(timer);
  }, 250);
  await until('it is given up', () => slow.heard() !== '', { withinMs: 20_000 });
  expect(answersIn(slow.heard())[0]?.status).toBe(408);
  await until('the other one is answered', () => heard !== '', { withinMs: 30_000 });
  expect(answersIn(heard)[0]?.status).toBe(200);
});
