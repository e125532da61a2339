import { createHmac, generateKeyPairSync, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { buildRequest } from '../../src/egress/outgoing.ts';
import { bodySignature, standardWebhookHeaders } from '../../src/egress/signatures.ts';
import { deliveryOf } from './delivery.ts';

const current = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const previous = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const body = Buffer.from('{"amount": 1.50, "name": "Zażółć"}');

function signed(secrets: string[], content = body): Record<string, string> {
  const webhook = { id: 'evt_1', timestampMs: Date.now(), body: content, secrets };
  return Object.fromEntries(standardWebhookHeaders(webhook));
}

test('the Standard Webhooks library accepts what we send', () => {
  const request = buildRequest({
    ...deliveryOf({ destination: { signingSecrets: [current] }, request: { body } }),
    nowMs: Date.now(),
  });
  if ('kind' in request) throw new Error(request.message);
  const headers = Object.fromEntries(request.headers);
  expect(new Webhook(current).verify(request.body, headers)).toEqual(JSON.parse(body.toString()));
});

test('while a secret is being replaced, a receiver with either of them accepts', () => {
  const headers = signed([current, previous]);
  for (const secret of [current, previous]) {
    expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
  }
});

test('another secret, another body and another id are not accepted', () => {
  const headers = signed([current]);
  expect(() => new Webhook(previous).verify(body, headers)).toThrow(/signature/i);
  expect(() => new Webhook(current).verify('{}', headers)).toThrow(/signature/i);
  const forged = { ...headers, 'webhook-id': 'evt_2' };
  expect(() => new Webhook(current).verify(body, forged)).toThrow(/signature/i);
});

test('a secret without the whsec_ prefix is taken as its characters', () => {
  const webhook = new Webhook('plain secret', { format: 'raw' });
  expect(() => webhook.verify(body, signed(['plain secret']))).not.toThrow();
});

test('bytes that are no text are signed as they are', () => {
  const bytes = Buffer.from([0, 0xff, 0xc3, 0x28]);
  const headers = signed(['secret'], bytes);
  const prefix = `evt_1.${headers['webhook-timestamp']}.`;
  const expected = createHmac('sha256', 'secret').update(prefix).update(bytes).digest('base64');
  expect(headers['webhook-signature']).toBe(`v1,${expected}`);
});

test('with a private key, the public key alone is enough to verify', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  for (const bytes of [seed, Buffer.concat([seed, raw])]) {
    const headers = Object.fromEntries(
      standardWebhookHeaders({
        id: 'evt_1',
        timestampMs: 1_700_000_000_999,
        body,
        secrets: [current],
        privateKeys: [`whsk_${bytes.toString('base64')}`],
      }),
    );
    const [v1, v1a = ''] = headers['webhook-signature']?.split(' ') ?? [];
    expect(v1).toMatch(/^v1,/);
    const content = Buffer.concat([Buffer.from('evt_1.1700000000.'), body]);
    const signature = Buffer.from(v1a.slice('v1a,'.length), 'base64');
    expect(verify(null, content, publicKey, signature)).toBe(true);
  }
});

test('the compatible signature is the HMAC of the body alone, in base64', () => {
  const expected = createHmac('sha256', current).update(body).digest('base64');
  expect(bodySignature(current, body)).toBe(expected);
});
