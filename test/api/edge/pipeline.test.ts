import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPipeline } from '../../../src/api/edge/pipeline.ts';
import { exchange } from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';
import { startIngest, type Ingest } from '../ingest/ingest.ts';

let ingest: Ingest;
let source: string;
beforeAll(async () => {
  ingest = await startIngest();
  source = await ingest.source('WEBHOOK');
});
afterAll(() => ingest.close());

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a connection that sends without waiting for answers is read no faster than they are given', async () => {
  let [underWay, most] = [0, 0];
  ingest.server.on('request', (_req, res: ServerResponse) => {
    most = Math.max(most, ++underWay);
    res.once('close', () => underWay--);
  });
  const post = `POST /in/${source} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`;
  const heard = await exchange(ingest.port, post.repeat(20_000), {
    halfClose: true,
    withinMs: 60_000,
  });
  // All are answered; on a busy machine some are told to come again.
  expect(heard.match(/HTTP\/1\.1 (?:200|503) /g)).toHaveLength(20_000);
  // One read of 64 KiB holds a thousand, and some may follow while answers go out.
  expect(most).toBeLessThan(6_000);
});

test('connections share what may wait behind other requests, and give it back when they are answered or gone', async () => {
  const pipeline = createPipeline({ mostBehind: 3 });
  const entered: boolean[] = [];
  const open: ServerResponse[] = [];
  const server = createServer((req, res) => {
    entered.push(pipeline.enter(req, res));
    open.push(res);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const sockets: Socket[] = [];
  const send = async (count: number) => {
    const before = entered.length;
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(socket.resume());
    socket.write(GET.repeat(count));
    await until('all are there', () => entered.length === before + count);
    return entered.slice(before);
  };
  try {
    expect(await send(3)).toEqual([true, true, true]);
    // One more may wait behind another; the first of a connection is always let in.
    expect(await send(3)).toEqual([true, true, false]);
    expect(await send(2)).toEqual([true, false]);
    sockets[0]!.destroy();
    await until('it has gone', () => open[0]!.closed);
    expect(await send(4)).toEqual([true, true, true, false]);
    for (const response of open) response.end();
    await until('all are answered', () => open.slice(3).every((response) => response.closed));
    expect(await send(5)).toEqual([true, true, true, true, false]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
