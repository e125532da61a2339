import { createHmac } from 'node:crypto';
import { Stripe } from 'stripe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../../src/db/ids.ts';
import { API_KEY, mac, seconds, startIngest, type Ingest, type Send } from './ingest.ts';

let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest.close());

const SECRET = 'the-secret';
const auth = { webhook_secret_key: SECRET };
const idOf = ({ text }: { text: string }) =>
  (JSON.parse(text) as { request_id: string }).request_id;

function github(delivery: string, body = '{}'): Send {
  const signature = `sha256=${mac(body, { secret: SECRET })}`;
  return { headers: { 'x-hub-signature-256': signature, 'x-github-delivery': delivery }, body };
}
function stripe(payload: string): Send {
  const header = Stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET });
  return { headers: { 'stripe-signature': header }, body: payload };
}
function slack(body: string): Send {
  const at = seconds();
  const signature = `v0=${mac(`v0:${at}:${body}`, { secret: SECRET })}`;
  return { headers: { 'x-slack-request-timestamp': at, 'x-slack-signature': signature }, body };
}
const parallel = (id: string, { request, times }: { request: Send; times: number }) =>
  Promise.all(
    Array.from({ length: times }, () => ingest.send(`/in/${id}`, { method: 'POST', ...request })),
  );

/** How the source's requests stand once they have been routed: nothing takes those that go on. */
const causesOf = async (id: string) => (await ingest.routed(id)).map((row) => row.rejection_cause);
const count = (causes: (string | null)[], wanted: string | null) =>
  causes.filter((cause) => cause === wanted).length;

describe('the provider’s own id of a delivery', () => {
  test.each([
    ['GITHUB', 'was the first with this id', () => github('d-1')],
    // Its signature is remembered, too, and said first.
    ['STRIPE', 'came with this signature before', () => stripe('{"id":"evt_1"}')],
  ] as const)(
    '%s: of 30 repeats at once one goes on, and the others name it',
    async (type, told, make) => {
      const id = await ingest.source(type, { auth });
      const request = make();
      const answers = await parallel(id, { request, times: 30 });
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      await ingest.routed(id);
      await ingest.sendTo(id, request);
      const rows = await ingest.routed(id);
      const [first, ...others] = rows.filter((row) => row.rejection_cause === null);
      expect(others).toEqual([]);
      const repeats = rows.filter((row) => row !== first);
      expect(repeats).toHaveLength(30);
      for (const repeat of repeats) {
        expect(repeat).toMatchObject({
          verified: true,
          rejection_cause: 'REPLAYED',
          rejection_detail: { reason: 'REPLAYED', hint: `${first!.id} ${told}` },
        });
      }
    },
  );

  test('another id is another delivery, though the body is the same', async () => {
    const id = await ingest.source('GITHUB', { auth });
    await ingest.sendTo(id, github('d-1'));
    await ingest.sendTo(id, github('d-2'));
    expect(await causesOf(id)).toEqual([null, null]);
  });

  test('that stands for two deliveries loses neither, and a repeat of each is one', async () => {
    const base64 = (body: string) => createHmac('sha256', SECRET).update(body).digest('base64');
    const woo = (body: string): Send => ({
      headers: { 'x-wc-webhook-signature': base64(body), 'x-wc-webhook-delivery-id': 'a-second' },
      body,
    });
    const line = (...ids: string[]): Send => {
      const body = JSON.stringify({ events: ids.map((id) => ({ webhookEventId: id })) });
      return { headers: { 'x-line-signature': base64(body) }, body };
    };
    for (const [type, one, other] of [
      ['WOOCOMMERCE', woo('{"id":1}'), woo('{"id":2}')],
      ['LINE', line('1'), line('1', '2')],
    ] as const) {
      const id = await ingest.source(type, { auth });
      for (const request of [one, other, one, other]) await ingest.sendTo(id, request);
      const causes = await causesOf(id);
      expect([type, ...causes.toSorted((a, b) => String(a).localeCompare(String(b)))]).toEqual([
        type,
        null,
        null,
        'REPLAYED',
        'REPLAYED',
      ]);
    }
  });

  test('is claimed by no request that was refused', async () => {
    const id = await ingest.source('GITHUB', { auth });
    const forged = { ...github('d-1'), body: '{"forged":true}' };
    expect((await ingest.sendTo(id, forged)).kept).toMatchObject([{ verified: false }]);
    await ingest.sendTo(id, github('d-1'));
    expect(await causesOf(id)).toEqual(['VERIFICATION_FAILED', null]);
  });

  test('is one source’s own', async () => {
    const [one, other] = [
      await ingest.source('GITHUB', { auth }),
      await ingest.source('GITHUB', { auth }),
    ];
    for (const id of [one, other]) {
      await ingest.sendTo(id, github('d-1'));
      expect(await causesOf(id)).toEqual([null]);
    }
  });

  test.each([false, null])('idempotency_key %s switches it off', async (key) => {
    const id = await ingest.source('GITHUB', { auth, config: { idempotency_key: key } });
    for (const _time of [1, 2]) await ingest.sendTo(id, github('d-1'));
    expect(await causesOf(id)).toEqual([null, null]);
  });

  test('gives way to the place the source names', async () => {
    const config = { idempotency_key: 'body.order' };
    const id = await ingest.source('GITHUB', { auth, config });
    await ingest.sendTo(id, github('d-1', '{"order":1}'));
    expect((await ingest.sendTo(id, github('d-2', '{"order":1}'))).kept).toEqual([]);
    expect((await ingest.sendTo(id, github('d-1', '{"order":2}'))).kept).toHaveLength(1);
    expect(await causesOf(id)).toEqual([null, null]);
  });
});

test('requests whose key is null or missing are no repeats of each other', async () => {
  const id = await ingest.source('WEBHOOK', { config: { idempotency_key: 'body.a.id' } });
  for (const body of ['{"a":{"id":null},"n":0}', '{"a":{"id":null},"n":1}', '{"n":2}', '{"n":3}']) {
    expect((await ingest.sendTo(id, { body })).kept).toHaveLength(1);
  }
  await ingest.sendTo(id, { body: '{"a":{"id":7},"n":4}' });
  expect((await ingest.sendTo(id, { body: '{"a":{"id":7},"n":5}' })).kept).toEqual([]);
});

test.each([
  ['numbers that are one double', '8202522731445525542', '8202522731445525543'],
  ['numbers no double is as large as', '1e400', '1e401'],
  ['fractions that are one double', '0.10000000000000000001', '0.10000000000000000002'],
  ['a number and its text', '7', '"7"'],
  ['a large number and its text', '8202522731445525542', '"8202522731445525542"'],
  ['lists of such numbers', '[8202522731445525542]', '[8202522731445525543]'],
])('%s are two keys', async (_name, one, other) => {
  const id = await ingest.source('WEBHOOK', { config: { idempotency_key: 'body.a.id' } });
  const send = (key: string, n: number) =>
    ingest.sendTo(id, {
      headers: { 'content-type': 'application/json' },
      body: `{"a":{"id":${key}},"n":${n}}`,
    });
  expect((await send(one, 1)).kept).toHaveLength(1);
  expect((await send(other, 2)).kept).toHaveLength(1);
  expect((await send(one, 3)).kept).toEqual([]);
  expect((await send(other, 4)).kept).toEqual([]);
});

test.each([
  ['1.10', '1.1'],
  ['1e2', '100.0'],
  ['-0', '0'],
  ['10e399', '1e400'],
  ['1e999999999', '10e999999998'],
])('%s and %s are one key', async (one, other) => {
  const id = await ingest.source('WEBHOOK', { config: { idempotency_key: 'body.id' } });
  const headers = { 'content-type': 'application/json' };
  expect((await ingest.sendTo(id, { headers, body: `{"id":${one},"n":1}` })).kept).toHaveLength(1);
  expect((await ingest.sendTo(id, { headers, body: `{"id":${other},"n":2}` })).kept).toEqual([]);
});

test('what is published repeats by the key of its source too', async () => {
  const id = await ingest.source('PUBLISH_API', { config: { idempotency_key: 'headers.x-key' } });
  const request = {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'x-sluice-source-id': id, 'x-key': 'k-1' },
    body: '{}',
  };
  const first = await ingest.send('/v1/publish', request);
  const second = await ingest.send('/v1/publish', request);
  expect([first.status, idOf(second)]).toEqual([200, idOf(first)]);
  expect(await ingest.rowsOf(id)).toMatchObject([{ verified: true }]);
});

test('of 30 repeats of a key that the source names one is kept, and all are told its id', async () => {
  const id = await ingest.source('GITHUB', { auth, config: { idempotency_key: 'body.order' } });
  const answers = await parallel(id, { request: github('d-1', '{"order":1}'), times: 30 });
  const rows = await ingest.rowsOf(id);
  expect(rows).toMatchObject([{ verified: true, rejection_cause: null }]);
  expect(new Set(answers.map(idOf))).toEqual(new Set([rows[0]!.id]));
  expect(await ingest.waiting(id)).toHaveLength(1);
});

describe('a signature that was seen before', () => {
  test('is kept as a replay with its reason, answered 200, logged, and not routed', async () => {
    const id = await ingest.source('SLACK', { auth });
    const request = slack('{"type":"event_callback"}');
    const first = await ingest.sendTo(id, request);
    await ingest.routed(id);
    const replay = await ingest.sendTo(id, request);
    expect([replay.status, replay.text]).toEqual([200, '']);
    const rows = await ingest.routed(id);
    const hint = `${first.kept[0]!.id} came with this signature before`;
    expect(rows).toMatchObject([
      { verified: true, rejection_cause: null },
      {
        id: replay.kept[0]!.id,
        verified: true,
        rejection_cause: 'REPLAYED',
        rejection_detail: { reason: 'REPLAYED', hint },
        events_count: 0,
      },
    ]);
    expect(ingest.logged).toContainEqual(
      expect.objectContaining({
        request: rows[1]!.id,
        reason: 'REPLAYED',
        hint,
        message: 'Repeat rejected',
      }),
    );
  });

  test('of 30 at once one is accepted', async () => {
    const id = await ingest.source('SLACK', { auth });
    await parallel(id, { request: slack('{"type":"event_callback"}'), times: 30 });
    const causes = await causesOf(id);
    expect([count(causes, null), count(causes, 'REPLAYED')]).toEqual([1, 29]);
    expect(await ingest.waiting(id)).toEqual([]);
  });

  test('beside an id of its own rejects all but one, and never both of two', async () => {
    const id = await ingest.source('GITHUB', { auth: { ...auth, replay_protection: true } });
    await parallel(id, { request: github('d-1'), times: 30 });
    const causes = await causesOf(id);
    expect([count(causes, null), count(causes, 'REPLAYED')]).toEqual([1, 29]);
  });

  test('is remembered as long where the requests are routed late', async () => {
    const id = await ingest.source('SLACK', { auth });
    const claims = [
      { hash: Buffer.alloc(32, 7), expiresAtMs: Date.now() - 3_000_000, replay: true },
    ];
    const receivedAtMs = Date.now() - 3_600_000;
    for (const [n, cause] of [
      [0, null],
      [1, 'REPLAYED'],
    ] as const) {
      const request = {
        ...{ id: newId('request', receivedAtMs + n), projectId: ingest.projectId, sourceId: id },
        ...{ kind: 'event' as const, method: 'POST', path: '', query: '', headers: [] },
        ...{ body: Buffer.from('{}'), remoteAddress: null, verified: true, receivedAtMs },
        ...{ rejectionCause: null, rejectionDetail: null },
      };
      await ingest.store.add({ request, idempotency: null, claims });
      expect((await causesOf(id))[n]).toBe(cause);
    }
  });

  test('passes where the source switches the protection off', async () => {
    const id = await ingest.source('SLACK', { auth: { ...auth, replay_protection: false } });
    const request = slack('{"type":"event_callback"}');
    for (const _time of [1, 2]) await ingest.sendTo(id, request);
    expect(await causesOf(id)).toEqual([null, null]);
  });

  test('is remembered for longer than it is accepted, a day where it carries no time', async () => {
    const ends = async (id: string) => {
      await ingest.routed(id);
      const { rows } = await ingest.db.query<{ seconds: number }>({
        text: `select extract(epoch from min(expires_at) - now())::integer as seconds
                 from claims where owner in (select id from requests where source_id = $1)`,
        values: [id],
      });
      return rows[0]!.seconds;
    };
    const body = '{"a":1}';
    const at = seconds();
    const eleven = await ingest.source('ELEVENLABS', { auth });
    const signature = `t=${at},v0=${mac(`${at}.${body}`, { secret: SECRET })}`;
    await ingest.sendTo(eleven, { headers: { 'elevenlabs-signature': signature }, body });
    expect(await ends(eleven)).toBeGreaterThan(3_500);
    const hub = await ingest.source('GITHUB', { auth: { ...auth, replay_protection: true } });
    await ingest.sendTo(hub, github('d-1'));
    expect(await ends(hub)).toBeGreaterThan(86_000);
  });
});
