import { describe, expect, test } from 'vitest';
import { defaultIdempotencyKey } from '../../src/verification/compile.ts';
import { Unique } from '../../src/verification/providers/ids/define.ts';
import {
  sourceTypeNames,
  sourceTypes,
  type SourceType,
} from '../../src/verification/source-types.ts';
import { headersOf, request } from './support.ts';

type Delivery = { headers?: Record<string, string>; json: unknown };

function keyOf(type: SourceType, { headers = {}, json }: Delivery): string | undefined {
  const body = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  return defaultIdempotencyKey(type, {
    received: request({ headers: headersOf(headers), body }),
  });
}

const line = (ids: string[], isRedelivery = false) => ({
  destination: 'U1',
  events: ids.map((webhookEventId) => ({ webhookEventId, deliveryContext: { isRedelivery } })),
});
const fastspring = (...ids: string[]) => ({ events: ids.map((id) => ({ id, live: true })) });
const okta = (uuids: string[], other = {}) => ({
  eventId: 'hook-1',
  source: 'https://org.okta.com/api/v1/eventHooks/who1',
  data: { events: uuids.map((uuid) => ({ uuid })) },
  ...other,
});
const pubsub = (subscription: string, deliveryAttempt: number) => ({
  message: { messageId: '1', data: 'e30=' },
  subscription,
  deliveryAttempt,
});
const github = { 'x-github-delivery': 'guid-1' };
const woo = { 'x-wc-webhook-delivery-id': 'hash-of-a-second', 'x-wc-webhook-id': '7' };
const bitbucket = { 'x-request-uuid': 'r-1', 'x-hook-uuid': 'h-1', 'x-event-key': 'repo:push' };

describe('one id that stands for two deliveries', () => {
  test.each<[string, SourceType, Delivery, Delivery]>([
    [
      'two orders of one second',
      'WOOCOMMERCE',
      { headers: woo, json: { id: 1 } },
      { headers: woo, json: { id: 2 } },
    ],
    [
      'a batch that begins with a known event',
      'FASTSPRING',
      { json: fastspring('1') },
      { json: fastspring('1', '2') },
    ],
    [
      'a batch that begins with a known event',
      'LINE',
      { json: line(['1']) },
      { json: line(['1', '2']) },
    ],
    [
      'one action on two models',
      'TRELLO',
      { json: { action: { id: 'a' }, model: { id: 'board' } } },
      { json: { action: { id: 'a' }, model: { id: 'card' } } },
    ],
    [
      'two webhooks on one model',
      'TRELLO',
      { json: { action: { id: 'a' }, model: { id: 'b' }, webhook: { id: '1' } } },
      { json: { action: { id: 'a' }, model: { id: 'b' }, webhook: { id: '2' } } },
    ],
    [
      'two changes of one account',
      'RECURLY',
      { json: { id: 'acct', event_type: 'updated', event_time: '2026-11-20T12:00:00Z' } },
      { json: { id: 'acct', event_type: 'updated', event_time: '2026-11-20T12:00:01Z' } },
    ],
    [
      'one event for two rules',
      'FRONTAPP',
      { json: { id: 'evt_1', type: 'inbound', rule: 1 } },
      { json: { id: 'evt_1', type: 'inbound', rule: 2 } },
    ],
    [
      'two events of an application',
      'FRONTAPP',
      { json: { type: 'inbound', payload: { id: 'evt_1' } } },
      { json: { type: 'inbound', payload: { id: 'evt_2' } } },
    ],
    [
      'two hooks that share a request id',
      'BITBUCKET',
      { headers: bitbucket, json: {} },
      { headers: { ...bitbucket, 'x-hook-uuid': 'h-2' }, json: {} },
    ],
    [
      'two events that share a request id',
      'BITBUCKET',
      { headers: bitbucket, json: { push: 1 } },
      { headers: bitbucket, json: { push: 2 } },
    ],
    [
      'one event for the webhook of a repository and of its organisation',
      'GITHUB',
      { headers: { ...github, 'x-github-hook-id': '1' }, json: {} },
      { headers: { ...github, 'x-github-hook-id': '2' }, json: {} },
    ],
    [
      'one message for two subscriptions',
      'GOOGLE_PUBSUB',
      { json: pubsub('projects/p/subscriptions/a', 1) },
      { json: pubsub('projects/p/subscriptions/b', 1) },
    ],
    ['a longer batch of one hook', 'OKTA', { json: okta(['a']) }, { json: okta(['a', 'b']) }],
    [
      'one event for two hooks',
      'OKTA',
      { json: okta(['a']) },
      { json: okta(['a'], { source: 'https://org.okta.com/api/v1/eventHooks/who2' }) },
    ],
    [
      'an id that is unique within a day',
      'MAILGUN',
      { json: { 'event-data': { id: 'e', timestamp: 1 } } },
      { json: { 'event-data': { id: 'e', timestamp: 2 } } },
    ],
    [
      'ids beyond what a double holds',
      'AIRWALLEX',
      { json: '{"id":8202522731445525542}' },
      { json: '{"id":8202522731445525543}' },
    ],
    [
      'test messages whose id is all zeros',
      'MERAKI',
      { json: { alertId: '0000', sentAt: 1 } },
      { json: { alertId: '0000', sentAt: 2 } },
    ],
  ])('%s is two: %s', (_what, type, one, other) => {
    expect(keyOf(type, one)).toBeDefined();
    expect(keyOf(type, other)).toBeDefined();
    expect(keyOf(type, one)).not.toBe(keyOf(type, other));
    expect(keyOf(type, one)).toBe(keyOf(type, one));
  });

  test('a batch is judged by none of its ids where an entry has none', () => {
    const entries = (...events: object[]) => ({ json: { events } });
    expect(keyOf('LINE', entries({ webhookEventId: '1' }, {}))).toBeUndefined();
    expect(keyOf('LINE', entries({ webhookEventId: '1' }, { webhookEventId: {} }))).toBeUndefined();
    expect(keyOf('LINE', entries())).toBeUndefined();
    expect(keyOf('FASTSPRING', { json: { events: { id: '1' } } })).toBeUndefined();
    expect(keyOf('OKTA', { json: okta(['a'], { data: { events: [{}] } }) })).toContain('hook-1');
  });

  test('ids cannot be put together to look like others', () => {
    const keys = [['a', 'b'], ['a,b'], ['a","b'], ['["a","b"]'], ['[["a","b"]]'], ['a', 'a', 'b']];
    expect(new Set(keys.map((ids) => keyOf('FASTSPRING', { json: fastspring(...ids) }))).size).toBe(
      keys.length,
    );
  });
});

test('one action of Trello for two webhooks with addresses of their own is two', () => {
  const body = Buffer.from('{"action":{"id":"a"},"model":{"id":"m"}}');
  const [one, again, other, below] = ['list=1', 'list=1', 'list=2', ''].map((rawQuery) =>
    defaultIdempotencyKey('TRELLO', {
      received: request({ body, rawQuery, path: rawQuery === '' ? '/x' : '' }),
    }),
  );
  expect(again).toBe(one);
  expect(new Set([one, other, below]).size).toBe(3);
});

describe('what changes when a delivery is sent again does not hide that it is the same', () => {
  const zendesk = { 'x-zendesk-webhook-invocation-id': 'i', 'x-zendesk-webhook-id': 'w' };
  test.each<[SourceType, Delivery, Delivery]>([
    ['LINE', { json: line(['1', '2']) }, { json: line(['2', '1'], true) }],
    ['FASTSPRING', { json: fastspring('1', '2') }, { json: fastspring('2', '1') }],
    ['GOOGLE_PUBSUB', { json: pubsub('s', 1) }, { json: pubsub('s', 2) }],
    [
      'GITHUB',
      { headers: { ...github, 'x-github-hook-id': '1' }, json: { a: 1 } },
      { headers: { ...github, 'x-github-hook-id': '1' }, json: { a: 2 } },
    ],
    [
      'STRIPE',
      { json: { id: 'evt', pending_webhooks: 2 } },
      { json: { id: 'evt', pending_webhooks: 1 } },
    ],
    ['NYLAS', { json: { id: 'n', attempt: 1 } }, { json: { id: 'n', attempt: 2 } }],
    [
      'NOTION',
      { json: { id: 'n', subscription_id: 's', attempt_number: 1 } },
      { json: { id: 'n', subscription_id: 's', attempt_number: 2 } },
    ],
    [
      'TELNYX',
      { json: { data: { id: 'd' }, meta: { attempt: 1 } } },
      { json: { data: { id: 'd' }, meta: { attempt: 2 } } },
    ],
    [
      'COINBASE',
      { json: { id: 1, attempt_number: 1, event: { id: 'e' } } },
      { json: { id: 2, attempt_number: 2, event: { id: 'e' } } },
    ],
    [
      'EBAY',
      { json: { notification: { notificationId: 'n', publishAttemptCount: 1 } } },
      { json: { notification: { notificationId: 'n', publishAttemptCount: 2 } } },
    ],
    [
      'LINEAR',
      { headers: { 'linear-delivery': 'd' }, json: { webhookId: 'w', webhookTimestamp: 1 } },
      { headers: { 'linear-delivery': 'd' }, json: { webhookId: 'w', webhookTimestamp: 2 } },
    ],
    [
      'SMARTCAR',
      { json: { eventId: 'e', meta: { deliveredAt: 1 } } },
      { json: { eventId: 'e', meta: { deliveredAt: 2 } } },
    ],
    [
      'INTERCOM',
      { json: { id: 'n', delivery_attempts: 1 } },
      { json: { id: 'n', delivery_attempts: 2 } },
    ],
    ['ZENDESK', { headers: zendesk, json: {} }, { headers: zendesk, json: {} }],
    [
      'TRELLO',
      { json: { action: { id: 'a' }, model: { id: 'm', name: 'before' } } },
      { json: { action: { id: 'a' }, model: { id: 'm', name: 'after' } } },
    ],
    [
      'BITBUCKET',
      { headers: { ...bitbucket, 'x-attempt-number': '1' }, json: { push: 1 } },
      { headers: { ...bitbucket, 'x-attempt-number': '2' }, json: { push: 1 } },
    ],
    ['WOOCOMMERCE', { headers: woo, json: { id: 1 } }, { headers: woo, json: { id: 1 } }],
    ['OKTA', { json: okta(['a', 'b']) }, { json: okta(['b', 'a'], { eventId: 'hook-2' }) }],
  ])('%s', (type, first, again) => {
    expect(keyOf(type, first)).toBeDefined();
    expect(keyOf(type, again)).toBe(keyOf(type, first));
  });
});

describe('the table of ids', () => {
  const known = sourceTypeNames.flatMap((name) => {
    const id = sourceTypes[name].idempotency;
    return id === null ? [] : [{ name, ...id }];
  });

  test.each(known)('$name says what its provider promises', ({ at, beside, unique, promise }) => {
    expect(Object.values(Unique)).toContain(unique);
    expect(promise).toMatch(/^[A-Z].{15,}\.$/s);
    expect(at.length).toBeGreaterThan(0);
    const places = [...at, ...beside.filter((place) => place !== 'address')];
    for (const place of places) expect(place).toMatch(/^(?:header|json|form):\S+$/);
    for (const place of beside) expect(place).not.toContain('*');
    expect(beside.filter((place) => place === 'address').length).toBeLessThan(2);
  });

  test('an id that is not promised never stands alone', () => {
    for (const { name, at, unique } of known.filter((one) => one.unique === Unique.NOTHING)) {
      const header = at.find((place) => place.startsWith('header:'))?.slice(7);
      const path =
        at
          .find((place) => place.startsWith('json:'))
          ?.slice(5)
          .split('.') ?? [];
      const nested = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), 'the-id');
      const [one, other] = [1, 2].map((n) =>
        keyOf(name, {
          ...(header !== undefined && { headers: { [header]: 'the-id' } }),
          json: header === undefined ? { ...(nested as object), n } : { n },
        }),
      );
      expect([name, unique, one === undefined, one === other]).toEqual([
        name,
        unique,
        false,
        false,
      ]);
    }
  });
});
