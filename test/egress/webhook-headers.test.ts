import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { buildRequest } from '../../src/egress/outgoing.ts';
import { standardWebhookHeaders } from '../../src/egress/signatures.ts';
import type { Header } from '../../src/domain/outcome.ts';
import { deliveryOf } from './delivery.ts';

const OURS = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const SENDERS = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const body = Buffer.from('{"type":"response.completed"}');
const nowMs = Date.now();

const signed = standardWebhookHeaders({
  id: 'wh_sender',
  timestampMs: nowMs - 1_000,
  body,
  secrets: [SENDERS],
}).map(([name, value]): Header => [name.replace('webhook', 'Webhook'), value]);

function headersOf(
  webhookHeaders: 'replace' | 'pass_through',
  headers: Header[] = signed,
): Record<string, string> {
  const delivery = deliveryOf({
    destination: { signingSecrets: [OURS] },
    connection: { webhookHeaders },
    request: { headers, body },
  });
  const request = buildRequest({ ...delivery, nowMs });
  if ('kind' in request) throw new Error(request.message);
  const names = request.headers.map(([name]) => name.toLowerCase());
  expect(names).toEqual([...new Set(names)]);
  return Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
}

/** The three headers of Standard Webhooks, as they stand behind `prefix`, under their own names. */
function under(prefix: string, headers: Record<string, string>): Record<string, string> {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  return Object.fromEntries(names.map((name) => [name, headers[prefix + name] ?? '']));
}

test('a receiver that holds the sender’s secret verifies the headers kept as x-sluice-original-webhook-*', () => {
  const headers = headersOf('replace');
  expect(headers).toMatchObject({ 'webhook-id': 'evt_1' });
  new Webhook(SENDERS).verify(body, under('x-sluice-original-', headers));
  new Webhook(OURS).verify(body, under('', headers));
});

test('a connection that passes them through delivers the sender’s headers unchanged, and ours as x-sluice-webhook-*', () => {
  const headers = headersOf('pass_through');
  expect(under('', headers)).toMatchObject({ 'webhook-id': 'wh_sender' });
  new Webhook(SENDERS).verify(body, under('', headers));
  new Webhook(OURS).verify(body, under('x-sluice-', headers));
  expect(headers).not.toHaveProperty('x-sluice-original-webhook-id');
});

test('a connection that passes them through signs as usual where the sender sent none', () => {
  const headers = headersOf('pass_through', [['content-type', 'application/json']]);
  new Webhook(OURS).verify(body, under('', headers));
  expect(headers).not.toHaveProperty('x-sluice-webhook-id');
});

test('a sender cannot forge what is kept under our names', () => {
  const forged: Header[] = [['X-Sluice-Original-Webhook-Id', 'forged'], ...signed];
  expect(headersOf('replace', forged)['x-sluice-original-webhook-id']).toBe('wh_sender');
  expect(headersOf('pass_through', [['x-sluice-webhook-id', 'forged']])).not.toHaveProperty(
    'x-sluice-webhook-id',
  );
});
