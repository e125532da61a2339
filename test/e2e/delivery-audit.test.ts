import sql from 'sql-template-tag';
import { Webhook } from 'standardwebhooks';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/pool.ts';
import { requestIdOf, type Json } from '../support/admin.ts';
import { startReceiver } from '../support/receiver.ts';
import { isSignedWith } from '../support/signatures.ts';
import { startSplitGateway } from '../support/split-gateway.ts';
import { temporalClient } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const receiver = await startReceiver();
const gateway = await startSplitGateway({ TEMPORAL_UI_URL: 'https://temporal-ui.example.com' });
const { admin } = gateway;
const { workflow: workflows } = await temporalClient(gateway.temporalAddress);
const db = openDatabase(gateway.databaseUrl, { max: 1, onError: () => {} });
afterAll(() => db.close());

const defined = await admin.define({
  name: 'audited',
  url: receiver.url('audited'),
  rules: [{ type: 'retry', strategy: 'linear', interval: 500, count: 2 }],
});

/** One event that fails once and is delivered then. */
async function delivered(): Promise<Json> {
  receiver.script('audited', [{ status: 500 }, { status: 200 }]);
  const requestId = requestIdOf(await admin.post('audited', '{"order":1}'));
  return admin.eventWhere(requestId, {
    what: 'is delivered',
    wanted: ({ status }) => status === 'SUCCESSFUL',
  });
}

const event = await delivered();
const workflowId = event['workflow_id'] as string;

test('every delivery carries signatures that the Standard Webhooks library accepts, and no tampered body', async () => {
  const [signing] = await admin.models(`/destinations/${defined.destinationId}/signing-secrets`);
  const webhook = new Webhook(signing['secret']);
  for (const { body, headers } of receiver.received('audited')) {
    expect(webhook.verify(body.toString(), headers)).toEqual({ order: 1 });
    expect(() => webhook.verify('{"order":2}', headers)).toThrow('No matching signature');
    const renamed = { ...headers, 'webhook-id': 'evt_other' };
    expect(() => webhook.verify(body.toString(), renamed)).toThrow('No matching signature');
  }
});

test('no receiver can forge what another one accepts, and one of before keeps the shared secret until it is rotated', async () => {
  const before = await admin.define({ name: 'of-before', url: receiver.url('of-before') });
  await db.query(sql`update destinations set signing_secrets = null, updated_at = now()
    where id = ${before.destinationId}`);
  const path = `/destinations/${before.destinationId}/signing-secrets`;
  const [shared] = await admin.models('/signing-secrets');
  const [others] = await admin.models(`/destinations/${defined.destinationId}/signing-secrets`);
  /** The first delivery from now on that this secret verifies. */
  const signedWith = (secret: string) =>
    until('a delivery that is signed with it', async () => {
      const count = receiver.received('of-before').length;
      requestIdOf(await admin.post('of-before'));
      const next = await receiver.nth('of-before', count + 1);
      return isSignedWith(secret, next) ? next : null;
    });

  const first = await signedWith(shared['secret']);
  expect(isSignedWith(others['secret'], first)).toBe(false);
  expect(isSignedWith(shared['secret'], receiver.received('audited')[0]!)).toBe(false);

  const { models } = await admin.done('POST', `${path}/rotate`);
  const [own] = models as { secret: string }[];
  const second = await signedWith(own!.secret);
  expect(isSignedWith(shared['secret'], second)).toBe(true);

  const ended = await admin.done('POST', `${path}/rotate`, { old_valid_hours: 0 });
  const third = await signedWith((ended['models'] as { secret: string }[])[0]!.secret);
  for (const secret of [own!.secret, shared['secret'], others['secret']]) {
    expect(isSignedWith(secret, third)).toBe(false);
  }
});

test('the id of a delivery stays the same over its attempts, its time does not', () => {
  const [first, second] = receiver.received('audited');
  expect(first!.headers['webhook-id']).toBe(event['id']);
  expect(second!.headers['webhook-id']).toBe(event['id']);
  expect(Number(second!.headers['webhook-timestamp'])).toBeGreaterThanOrEqual(
    Number(first!.headers['webhook-timestamp']),
  );
});

test('an event names its workflow, with a link to the Temporal Web UI', async () => {
  expect(event['workflow_url']).toBe(
    `https://temporal-ui.example.com/namespaces/default/workflows/${encodeURIComponent(workflowId)}`,
  );
  // It ends a moment after its last event is settled.
  const found = await until('its end', async () => {
    const now = await workflows.getHandle(workflowId).describe();
    return now.status.name === 'RUNNING' ? null : now;
  });
  expect(found.type).toBe('deliverEvents');
  expect(found.status.name).toBe('COMPLETED');
});

test('a workflow says in words what it does, and its steps and timers do', async () => {
  const { events = [] } = await workflows.getHandle(workflowId).fetchHistory();
  const summaries = (events ?? []).flatMap(({ userMetadata }) => {
    const data = userMetadata?.summary?.data;
    return data ? [JSON.parse(Buffer.from(data).toString()) as string] : [];
  });
  expect(summaries).toContain('1 event → audited');
  expect(summaries.filter((text) => /1 event → audited, /.test(text))).toHaveLength(2);
  expect(
    summaries.filter((text) => /1 event waits? for audited|1 event.+wait/.test(text)),
  ).toHaveLength(1);
});

test('no history holds a body or a secret', async () => {
  const ids = [workflowId];
  for await (const { workflowId: id } of workflows.list({
    query: `SluiceSource = '${defined.sourceId}'`,
  })) {
    ids.push(id);
  }
  expect(ids.length).toBeGreaterThan(1);
  for (const id of ids) {
    const text = JSON.stringify(
      await workflows.getHandle(id).fetchHistory(),
      (_key, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    );
    expect(text).not.toContain('order');
    expect(text).not.toContain('whsec_');
  }
});

test.each([
  ['SluiceDestination', defined.destinationId, 'deliverEvents'],
  ['SluiceSource', defined.sourceId, 'processRequests'],
])('workflows are found by %s', async (attribute, id, type) => {
  const found = await until('it in the visibility store', async () => {
    for await (const workflow of workflows.list({ query: `${attribute} = '${id}'` })) {
      if (workflow.type === type) return workflow;
    }
    return null;
  });
  expect(found.type).toBe(type);
});

test('the attempts tell what was sent where, and what came back', async () => {
  const attempts = await admin.attemptsOf(event['id'] as string);
  expect(attempts).toMatchObject([
    { attempt_number: 1, response_status: 500, http_method: 'POST', workflow_id: workflowId },
    { attempt_number: 2, response_status: 200, requested_url: receiver.url('audited') },
  ]);
  for (const attempt of attempts) {
    expect(Date.parse(attempt['delivered_at'] as string)).toBeGreaterThanOrEqual(
      Date.parse(attempt['created_at'] as string),
    );
  }
  const { rows } = await db.query<{ n: number }>(
    sql`select count(*)::integer as n from attempts where event_id = ${String(event['id'])}`,
  );
  expect(rows[0]!.n).toBe(2);
});
