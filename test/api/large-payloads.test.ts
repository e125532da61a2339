import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPayloadWriter } from '../../src/api/payload-writer.ts';
import { makeEnds, type Ends } from './ends.ts';
import { each, type Gateway, type Json, KEY, startGateway } from './gateway.ts';
import { arrive, makeEvent } from './history.ts';

let gateway: Gateway;
let ends: Ends;
beforeAll(async () => {
  gateway = await startGateway();
  ends = await makeEnds(gateway);
});
afterAll(() => gateway.close());

// As much work as so many bytes can make.
const COSTLY = `[${'[],'.repeat(700_000)}[]]`;

/** How long an answer took, and the longest time in it when nothing else could happen in this process. */
async function held(path: string) {
  let [last, longestMs] = [performance.now(), 0];
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last);
    last = performance.now();
  }, 1);
  const beganAt = last;
  const response = await fetch(`${gateway.origin}/2026-09-01${path}`, {
    headers: { authorization: `Bearer ${KEY}` },
  });
  const bytes = (await response.arrayBuffer()).byteLength;
  clearInterval(timer);
  return { status: response.status, bytes, tookMs: performance.now() - beganAt, longestMs };
}

test('payloads that are costly to show hold up nobody: pages, single ones and raw bodies', async () => {
  const requestIds: string[] = [];
  for (let i = 0; i < 3; i++) requestIds.push(await arrive(gateway.db, { ...ends, body: COSTLY }));
  const [requestId = ''] = requestIds;
  const events = await Promise.all(
    requestIds.map((id) => makeEvent(gateway.db, { ...ends, requestId: id })),
  );
  // The thread has to be there.
  await held(`/requests/${requestId}`);
  for (const [path, bodies] of [
    [`/requests?source_id=${ends.sourceId}&include=data`, 3],
    [`/events?webhook_id=${ends.connectionId}&include=data`, 3],
    [`/requests/${requestId}`, 1],
    [`/events/${events[0]!}`, 1],
    [`/requests/${requestId}/raw_body`, 1],
  ] as const) {
    const { status, bytes, tookMs, longestMs } = await held(path);
    expect([path, status]).toEqual([path, 200]);
    expect(bytes).toBeGreaterThan(bodies * COSTLY.length);
    // Shown here, it would be nearly all of the time.
    expect(bodies === 1 || longestMs / tookMs < 0.4).toBe(true);
  }
});

test('a page of events counts what transformations made, however small the requests were', async () => {
  const made: string[] = [];
  for (let i = 0; i < 5; i++) {
    const requestId = await arrive(gateway.db, { ...ends, body: '{}' });
    const id = await makeEvent(gateway.db, { ...ends, requestId });
    made.push(id);
    await gateway.db.query({
      text: 'insert into event_payloads (event_id, path, query, headers, body) values ($1, $2, $3, $4, $5)',
      values: [id, '/', '', '[]', Buffer.alloc(2_400_000, 'x')],
    });
    await gateway.db.query({
      text: 'update events set has_payload = true where id = $1',
      values: [id],
    });
  }
  const ids = made.map((id) => `id=${id}`).join('&');
  const page = await gateway.done('GET', `/events?${ids}&include=data`);
  expect(page['count']).toBe(3);
  const { next } = page['pagination'] as Json;
  const rest = await gateway.done('GET', `/events?${ids}&include=data&next=${String(next)}`);
  expect(new Set([...each(page, 'id'), ...each(rest, 'id')])).toEqual(new Set(made));
});

test('text that looks like a place in an answer is text', async () => {
  const body = JSON.stringify({ models: [{ data: '"0/0"' }], 'x"y': '\u2028"' });
  const id = await arrive(gateway.db, { ...ends, body: body.padEnd(20_000) });
  const shown = await gateway.done('GET', `/requests/${id}`);
  expect(shown['data']).toMatchObject({ body: JSON.parse(body) });
});

test('of pages only a few are made at once, and each has its turn', async () => {
  const payloads = createPayloadWriter();
  let [now, most] = [0, 0];
  const pages = Array.from({ length: 6 }, (_, n) =>
    payloads.inTurn(async () => {
      most = Math.max(most, ++now);
      await payloads.write({ kind: 'body', body: Buffer.alloc(100_000, 'x') });
      now--;
      if (n === 0) throw new Error('one fails');
      return n;
    }),
  );
  const settled = await Promise.allSettled(pages);
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  expect(most).toBe(2);
  await payloads.close();
});

test('a thread that ends fails what it was asked, and the next one answers', async () => {
  const payloads = createPayloadWriter();
  const body = Buffer.alloc(2_000_000, 'x');
  const asked = payloads.write({ kind: 'body', body });
  const [ended] = await Promise.allSettled([asked, payloads.close()]);
  const text = await payloads.write({ kind: 'body', body });
  expect(text.length).toBeGreaterThan(body.length);
  expect(['fulfilled', 'rejected']).toContain(ended.status);
  await payloads.close();
});
