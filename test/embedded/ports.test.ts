import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, ownPort, portsLeftAlone } from '../../src/embedded/ports.ts';
import { lastingPort } from '../support/ports.ts';
import { takenPort } from './support.ts';

const isLeftAlone = (port: number) => {
  const { first, last } = portsLeftAlone() ?? { first: 1, last: 65_535 };
  return port >= first && port <= last;
};

test('where the usual port is taken, or any will do, it is one that the system hands out to nobody', async () => {
  const taken = await takenPort();
  const ports = [await freePort(taken), await freePort(0)];
  expect(ports).not.toContain(taken);
  expect(ports.filter((port) => !isLeftAlone(port))).toEqual([]);
});

test('the usual port is taken where it is free', async () => {
  const usual = await lastingPort();
  expect(await freePort(usual)).toBe(usual);
});

test.each([
  ['the usual range', [32_768, 60_999], { first: 10_000, last: 32_767 }],
  ['a range that leaves more above it', [10_240, 20_000], { first: 20_001, last: 65_535 }],
  ['all ports there are', [1_024, 65_535], null],
])('with %s given away, it lies outside', (_name, [first = 0, last = 0], left) => {
  expect(portsLeftAlone({ first, last })).toEqual(left);
});

test('a server that stands in for another waits until its port is free', async () => {
  const port = await lastingPort();
  const former = createServer();
  await new Promise<void>((listening) => former.listen(port, '127.0.0.1', listening));
  let isFree = false;
  const waiting = ownPort(port).then((own) => ({ own, isFree }));
  former.close(() => (isFree = true));
  expect(await waiting).toEqual({ own: port, isFree: true });
});

test('no two reservations are the same port', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, () => lastingPort()));
  expect(new Set(ports).size).toBe(200);
});
