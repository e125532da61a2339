import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChild, type Remote } from '../../bench/child.ts';
import { nowUs } from '../../bench/clock.ts';
import { makeBody } from '../../bench/load/body.ts';
import type { LoadMethods } from '../../bench/load/main.ts';
import type { ReceiverMethods } from '../../bench/receiver/main.ts';

let receiver: Remote<ReceiverMethods>;
let load: Remote<LoadMethods>;

beforeAll(() => {
  receiver = openChild(new URL('../../bench/receiver/main.ts', import.meta.url));
  load = openChild(new URL('../../bench/load/main.ts', import.meta.url));
});

afterAll(() => {
  receiver.close();
  load.close();
});

async function openOne() {
  const [destination] = await receiver.call('open', { count: 1 });
  return { ...destination!, url: `http://127.0.0.1:${destination!.port}/` };
}

function send(url: string, seq: number): Promise<number | string> {
  const body = makeBody({ run: 7, seq, sentAtUs: nowUs() }, 300);
  return fetch(url, { method: 'POST', body: new Uint8Array(body) }).then(
    (answer) => answer.status,
    () => 'refused',
  );
}

test('destinations that are opened at the same time are not taken for one', async () => {
  const [first, second] = await Promise.all([openOne(), openOne()]);
  expect(first.id).not.toBe(second.id);
  await receiver.call('begin', { run: 7 });
  await send(first.url, 1);
  await send(second.url, 1);
  expect(await receiver.call('progress')).toEqual({ arrivals: 2, distinct: 2 });
});

test('a destination that was down listens again where it was', async () => {
  const { id, url } = await openOne();
  await receiver.call('begin', { run: 7 });
  await receiver.call('behave', { id, behaviour: { kind: 'down' } });
  expect(await send(url, 1)).toBe('refused');
  await receiver.call('behave', { id, behaviour: { kind: 'ok' } });
  expect(await send(url, 2)).toBe(200);
  const { seq } = await receiver.call('report');
  expect([...seq]).toEqual([2]);
});

test('a failing destination keeps nothing of what it refused', async () => {
  const { id, url } = await openOne();
  await receiver.call('begin', { run: 7 });
  await receiver.call('behave', { id, behaviour: { kind: 'fail', share: 1 } });
  expect(await send(url, 1)).toBe(503);
  expect(await receiver.call('progress')).toEqual({ arrivals: 0, distinct: 0 });
});

const SPEC = { bodyBytes: 400, customers: 0, delayUs: 0, firstSeq: 0, signingSecret: null };

test('a stream is sent once each, at its rate, and every answer is counted', async () => {
  const { id, url } = await openOne();
  await receiver.call('begin', { run: 9 });
  const startUs = nowUs() + 50_000;
  const spec = { ...SPEC, url, rate: 200, total: 100, run: 9 };
  const [result] = await load.call('run', { specs: [spec], startUs });
  expect(result!.ackedSeq.toSorted()).toEqual(Uint32Array.from({ length: 100 }, (_, i) => i));
  expect(result!.errors).toEqual({});
  const arrivals = await receiver.call('report');
  expect(new Set(arrivals.destination)).toEqual(new Set([id]));
  expect(arrivals.seq.toSorted()).toEqual(result!.ackedSeq.toSorted());
  // 100 requests at 200/s: the last is due after 495 ms, and none may leave before it is due.
  expect(result!.sentAtUs.at(-1)! - startUs).toBeGreaterThanOrEqual(495_000);
  expect(Math.min(...result!.lateUs)).toBeGreaterThanOrEqual(0);
});

test('an answer that is not 2xx is an error under its status', async () => {
  const { id, url } = await openOne();
  await receiver.call('behave', { id, behaviour: { kind: 'fail', share: 1 } });
  const spec = { ...SPEC, url, rate: 500, total: 10, run: 10 };
  const [result] = await load.call('run', { specs: [spec], startUs: nowUs() });
  expect(result!.errors).toEqual({ 503: 10 });
  expect(result!.ackedSeq).toHaveLength(0);
});
