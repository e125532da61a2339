import { expect, test } from 'vitest';
import { requestIdOf } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const { admin } = await startSplitGateway();

const handler = (body: string) => `addHandler('transform', (request, context) => {\n${body}\n});`;
const inline = (name: string, body: string) => ({
  type: 'transform',
  transformation: { name, code: handler(body) },
});
const json = (): RequestInit => ({ headers: { 'content-type': 'application/json' } });

test('code without an end on several sources leaves the others flowing', async () => {
  const loops = Array.from({ length: 4 }, (_, i) => `looping-${i}`);
  for (const name of loops) {
    const url = receiver.url(name);
    await admin.define({ name, url, rules: [inline(name, 'for (;;);')] });
  }
  const coded = (name: string) => ({
    name,
    url: receiver.url(name),
    rules: [inline(name, 'request.headers["x-coded"] = "1"; return request;')],
  });
  await admin.define(coded('coded'));
  await admin.define({ name: 'plain', url: receiver.url('plain') });
  await admin.post('coded', '{}', json());
  await receiver.nth('coded', 1);

  const each = loops.flatMap((name) => Array.from({ length: 4 }, () => name));
  const looping = await Promise.all(each.map((name) => admin.post(name, '{}', json())));
  const ids = looping.map(requestIdOf);
  const ended = async () => {
    const all = await admin.models(`/requests?limit=255&${ids.map((id) => `id=${id}`).join('&')}`);
    return all.filter((one) => (one['ignored_count'] as number) === 1).length;
  };
  await until('the first loop is cut off', async () => (await ended()) > 0);
  for (let n = 1; n <= 10; n++) {
    await Promise.all([admin.post('plain', '{}', json()), admin.post('coded', '{}', json())]);
    await receiver.nth('plain', n);
    await receiver.nth('coded', n + 1);
  }
  // Code that was never run before has its turn too.
  await admin.define(coded('new'));
  await admin.post('new', '{}', json());
  await receiver.nth('new', 1);
  // All of these were through before the loops were.
  expect(await ended()).toBeLessThan(ids.length);
  const all = async () => (await ended()) === ids.length;
  // One at a time, and each rests for five times as long as it ran.
  await until('every loop is cut off', all, { withinMs: 240_000 });
  expect(await admin.models(`/requests/${ids.at(-1)!}/ignored_events`)).toMatchObject([
    { cause: 'TRANSFORMATION_FAILED', meta: { error: expect.stringMatching(/timeout|killed/) } },
  ]);
  expect(receiver.received('looping-0')).toEqual([]);
});
