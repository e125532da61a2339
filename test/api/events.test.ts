import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/db/ids.ts';
import { createFlows } from './flows.ts';
import { each, type Gateway, type Json, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
const flow = createFlows(() => gateway);

test('an event shows the request as it leaves, and where to follow it', async () => {
  const { event, destinationId } = await flow({
    path: '/orders/1',
    query: 'a=1',
    headers: [
      ['Content-Type', 'application/json'],
      ['X-Shop', 'Berlin'],
      ['Host', 'in.test'],
    ],
    body: '{"id": 7}',
  });
  const id = await event({ status: 'FAILED', attempts: 1, responseStatus: 500 });
  const shown = await gateway.done('GET', `/events/${id}`);
  expect(shown).toMatchObject({
    id,
    team_id: gateway.projectId,
    destination_id: destinationId,
    status: 'FAILED',
    attempts: 1,
    response_status: 500,
    error_code: null,
    workflow_id: 'requests/dsp_1',
    workflow_url: 'http://temporal.test/namespaces/default/workflows/requests%2Fdsp_1',
  });
  expect(shown['event_data_id']).toBe(String(shown['request_id']).replace('req_', 'edt_'));
  const data = shown['data'] as Json;
  expect(data).toMatchObject({
    url: 'https://example.com/base/orders/1?a=1',
    method: 'POST',
    path: '/base/orders/1',
    query: 'a=1',
    parsed_query: { a: '1' },
    body: { id: 7 },
    is_large_payload: false,
  });
  expect(data['headers']).toMatchObject({
    'x-shop': 'Berlin',
    'x-sluice-eventid': id,
    'webhook-id': id,
  });
  expect(data['headers']).not.toHaveProperty('host');
  // Each attempt has its own: none of them is an attempt that was made.
  for (const name of [
    'x-sluice-attempt-count',
    'x-sluice-attempt-trigger',
    'x-sluice-signature',
    'webhook-timestamp',
    'webhook-signature',
  ]) {
    expect(data['headers']).not.toHaveProperty(name);
    expect(data['appended_headers']).toContain(name);
  }
  expect(await gateway.done('GET', `/events/${id}/raw_body`)).toEqual({
    body: '{"id": 7}',
    body_encoding: 'utf8',
  });
});

test('an event that was transformed shows and searches what the transformation made', async () => {
  const { event, find } = await flow({ body: '{"before":1}' });
  const id = await event();
  await gateway.db.query({
    text: `insert into event_payloads (event_id, path, query, headers, body) values ($1, '/new', 'n=1', '[]', '{"after":2}')`,
    values: [id],
  });
  await gateway.db.query({
    text: 'update events set has_payload = true where id = $1',
    values: [id],
  });
  const shown = await gateway.done('GET', `/events/${id}`);
  expect(shown['data']).toMatchObject({ path: '/base/new', query: 'n=1', body: { after: 2 } });
  expect((await gateway.done('GET', `/events/${id}/raw_body`))['body']).toBe('{"after":2}');
  expect(await find('search_term=after')).toEqual([id]);
  expect(await find('search_term=before')).toEqual([]);
  expect(await find(`parsed_query=${encodeURIComponent('{"n":"1"}')}`)).toEqual([id]);
});

test('a delivery group is found by its name, and by the text that is in quotes in it', async () => {
  const { event, find } = await flow();
  const inGroup = async (group: string) => {
    const id = await event();
    const text = `update events set delivery_group = $2 where id = $1`;
    await gateway.db.query({ text, values: [id, group] });
    return id;
  };
  const [number, text] = [await inGroup('7'), await inGroup('"7"')];
  expect(await find('delivery_group=7')).toEqual([text, number]);
  expect(await find(`delivery_group=${encodeURIComponent('"7"')}`)).toEqual([text]);
});

test('events are found by the key that orders them, of which the first 256 characters count', async () => {
  const { event, find } = await flow();
  const inLane = async (key: string) => {
    const id = await event();
    const text = `update events set lane_key = $2 where id = $1`;
    await gateway.db.query({ text, values: [id, key] });
    return id;
  };
  const none = await event();
  const [acme, long, missing] = [
    await inLane('acme'),
    await inLane('k'.repeat(256)),
    await inLane(''),
  ];
  expect(await find('lane_key=acme')).toEqual([acme]);
  expect(await find('lane_key=acm')).toEqual([]);
  expect(await find(`lane_key=${'k'.repeat(300)}`)).toEqual([long]);
  expect(await find(`lane_key=acme&lane_key=${'k'.repeat(256)}`)).toEqual([long, acme]);
  expect(await find('lane_key[any]=true')).toEqual([missing, long, acme]);
  expect(await find('')).toEqual([missing, long, acme, none]);
});

test('events are found by every filter of a list', async () => {
  const { event, find, connectionId, sourceId, destinationId } = await flow();
  const soon = new Date(Date.now() + 60_000);
  const good = await event({ status: 'SUCCESSFUL', attempts: 1, responseStatus: 200 });
  const bad = await event({
    status: 'FAILED',
    attempts: 3,
    errorCode: 'TIMEOUT',
    nextAttemptAt: soon,
  });
  await gateway.db.query({
    text: `update events set delivery_group = 'vip', successful_at = now(), last_attempt_at = now() where id = $1`,
    values: [good],
  });
  const requestOf = (id: string) => `req_${id.slice(4, 24)}`;
  for (const [query, expected] of [
    ['', [bad, good]],
    ['dir=asc', [good, bad]],
    [`id=${bad}`, [bad]],
    ['status=failed', [bad]],
    ['status=SUCCESSFUL', [good]],
    ['status[0]=FAILED&status[1]=SUCCESSFUL', [bad, good]],
    [`webhook_id=${newId('connection')}`, [bad, good]],
    [`source_id=${sourceId}`, [bad, good]],
    [`source_id=${newId('source')}`, []],
    [`destination_id=${destinationId}`, [bad, good]],
    ['delivery_group=vip', [good]],
    ['attempts=3', [bad]],
    ['attempts[gte]=1&attempts[lt]=3', [good]],
    ['response_status[]=200&response_status[]=201', [good]],
    ['response_status[any]=true', [good]],
    ['error_code=TIMEOUT', [bad]],
    ['error_code[all]=true', [bad, good]],
    ['successful_at[any]=true', [good]],
    [`next_attempt_at[gt]=${new Date().toISOString()}`, [bad]],
    [`last_attempt_at[lte]=${soon.toISOString()}`, [good]],
    ['created_at[gte]=2020-01-01', [bad, good]],
    ['created_at[lt]=2020-01-01', []],
    [`event_data_id=${requestOf(good).replace('req_', 'edt_')}`, [good]],
    [`request_id=${requestOf(bad)}`, [bad]],
    ['progressive=true', [bad, good]],
  ] as const) {
    expect([query, await find(query)]).toEqual([query, expected]);
  }
  const alone = async (query: string) => each(await gateway.done('GET', `/events?${query}`), 'id');
  expect(await alone(`source_id[]=${sourceId}`)).toEqual([bad, good]);
  expect(await alone(`destination_id=${destinationId}&webhook_id=${connectionId}`)).toEqual([
    bad,
    good,
  ]);
  expect(await alone(`id=${good}&status=FAILED`)).toEqual([]);
  const withData = await gateway.done('GET', `/events?id=${good}&include=data`);
  expect((withData['models'] as Json[])[0]?.['data']).toMatchObject({ method: 'POST' });
});

test('pages join without a gap or a repeat, in both directions and through every filter', async () => {
  const one = await flow();
  const two = await flow();
  const made: string[] = [];
  for (let i = 0; i < 9; i++) {
    made.push(await (i % 2 ? one : two).event({ attempts: i % 3 ? 1 : 0 }));
  }
  const both = `webhook_id=${one.connectionId}&webhook_id=${two.connectionId}&webhook_id=${two.connectionId}`;
  for (const filter of ['', '&attempts=1', '&body={}']) {
    const list = `/events?${both}${filter}&limit=2`;
    const pages = [await gateway.done('GET', list)];
    for (let at = cursor(pages[0]!, 'next'); at !== null; at = cursor(pages.at(-1)!, 'next')) {
      pages.push(await gateway.done('GET', `${list}&next=${at}`));
    }
    const wanted = made.filter((_, i) => filter !== '&attempts=1' || i % 3).toReversed();
    expect(pages.flatMap((page) => each(page, 'id'))).toEqual(wanted);
    const back = await gateway.done('GET', `${list}&prev=${cursor(pages.at(-1)!, 'prev')}`);
    expect(each(back, 'id')).toEqual(each(pages.at(-2)!, 'id'));
  }
});

function cursor(page: Json, name: 'next' | 'prev'): string | null {
  return (page['pagination'] as Record<string, string>)[name] ?? null;
}
