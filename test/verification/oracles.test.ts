import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { LinearWebhookClient } from '@linear/sdk/webhooks';
import { sign as signGitHub } from '@octokit/webhooks-methods';
import { Paddle } from '@paddle/paddle-node-sdk';
import sendgrid from '@sendgrid/eventwebhook';
import { isValidSlackRequest } from '@slack/bolt';
import { verifyKey } from 'discord-interactions';
import { Resend } from 'resend';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Stripe } from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import twilio from 'twilio';
import { describe, expect, test } from 'vitest';
import type { Received } from '../../src/verification/received.ts';
import type { Verdict } from '../../src/verification/verdict.ts';
import { headersOf, request, URL_AT_PROVIDER, verifyWith } from './support.ts';

// The official libraries read the real clock, so these requests are signed and received now.
const nowMs = Date.now();
const seconds = Math.floor(nowMs / 1000);
const payload = '{"id":"evt_1","type":"order.créé","amount":1.0}';
const body = Buffer.from(payload);
const secret = 'a-secret-of-some-length';
const whsec = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;

function received(headers: Record<string, string>, other: Partial<Received> = {}): Received {
  return request({ headers: headersOf(headers), body, receivedAtMs: nowMs, ...other });
}

const mac = (content: string, encoding: 'hex' | 'base64') =>
  createHmac('sha256', secret).update(content).digest(encoding);

describe('what the official library signs is accepted', () => {
  test('Stripe', () => {
    const stripe = new Stripe('sk_test_1');
    const header = stripe.webhooks.generateTestHeaderString({ payload, secret: 'whsec_literal' });
    const verdict = verifyWith(
      'STRIPE',
      { auth: { webhook_secret_key: 'whsec_literal' } },
      received({ 'Stripe-Signature': header }),
    );
    expect(verdict).toMatchObject({ verified: true, idempotencyKey: 'evt_1' });
  });

  test('GitHub', async () => {
    const header = await signGitHub(secret, payload);
    const headers = { 'X-Hub-Signature-256': header, 'X-GitHub-Delivery': 'd-1' };
    const verdict = verifyWith(
      'GITHUB',
      { auth: { webhook_secret_key: secret } },
      received(headers),
    );
    expect(verdict).toEqual({ verified: true, idempotencyKey: 'd-1' });
  });

  test('Twilio, form', () => {
    const form = { Body: 'hello', From: '+15550100', MediaUrl: ['b', 'a', 'a'] };
    const text = 'Body=hello&From=%2B15550100&MediaUrl=b&MediaUrl=a&MediaUrl=a';
    const signature = twilio.getExpectedTwilioSignature(secret, URL_AT_PROVIDER, form);
    const one = received(
      {
        'X-Twilio-Signature': signature,
        'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8',
      },
      { body: Buffer.from(text) },
    );
    const config = { auth: { webhook_secret_key: secret } };
    expect(verifyWith('TWILIO', config, one)).toEqual({ verified: true });
    const withPort = URL_AT_PROVIDER.replace('.com/', '.com:443/');
    expect(verifyWith('TWILIO', config, { ...one, url: withPort })).toEqual({ verified: true });
    expect(verifyWith('TWILIO', config, { ...one, url: `${URL_AT_PROVIDER}&x=1` })).toMatchObject({
      verified: false,
    });
    expect(
      verifyWith('TWILIO', config, { ...one, body: Buffer.from(`${text}&x=1`) }),
    ).toMatchObject({ verified: false });
  });

  test('Twilio, JSON', () => {
    const query = `bodySHA256=${twilio.getExpectedBodyHash(payload)}`;
    const url = `https://hooks.example.com/in/x?${query}`;
    const signature = twilio.getExpectedTwilioSignature(secret, url, {});
    const one = received(
      { 'X-Twilio-Signature': signature, 'Content-Type': 'application/json' },
      { url, rawQuery: query },
    );
    const config = { auth: { webhook_secret_key: secret } };
    expect(verifyWith('TWILIO', config, one)).toEqual({ verified: true });
    expect(
      verifyWith('TWILIO', config, { ...one, body: Buffer.from(`${payload} `) }),
    ).toMatchObject({ verified: false });
  });

  test('Standard Webhooks, and every provider that follows it', () => {
    const signature = new StandardWebhook(whsec).sign('msg_1', new Date(nowMs), payload);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(seconds),
      'webhook-signature': signature,
    };
    for (const type of [
      'STANDARD_WEBHOOKS',
      'OPENAI',
      'REPLICATE',
      'GEMINI',
      'CLAUDE',
      'LITHIC',
      'POLAR',
      'QUO',
    ] as const) {
      const verdict = verifyWith(type, { auth: { webhook_secret_key: whsec } }, received(headers));
      expect(verdict).toMatchObject({ verified: true, replayKey: expect.any(String) });
    }
    const gitlab = { auth: { api_key: whsec, version: 'signature' } };
    expect(verifyWith('GITLAB', gitlab, received(headers))).toMatchObject({ verified: true });
  });

  test('BigCommerce and Polar: the secret as text, which the library wants encoded', () => {
    const signature = new StandardWebhook(Buffer.from(secret).toString('base64')).sign(
      'msg_1',
      new Date(nowMs),
      payload,
    );
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(seconds),
      'webhook-signature': signature,
    };
    for (const type of ['BIGCOMMERCE', 'POLAR'] as const) {
      const verdict = verifyWith(type, { auth: { webhook_secret_key: secret } }, received(headers));
      expect(verdict).toMatchObject({ verified: true, idempotencyKey: 'msg_1' });
    }
  });

  test('Svix, Clerk', () => {
    const signature = new SvixWebhook(whsec).sign('msg_1', new Date(nowMs), payload);
    const headers = {
      'svix-id': 'msg_1',
      'svix-timestamp': String(seconds),
      'svix-signature': `v2,AAAA ${signature}`,
    };
    for (const type of ['SVIX', 'CLERK'] as const) {
      const verdict = verifyWith(type, { auth: { webhook_secret_key: whsec } }, received(headers));
      expect(verdict).toMatchObject({ verified: true, idempotencyKey: 'msg_1' });
    }
  });
});

type Judges = {
  ours: (received: Received) => Verdict;
  theirs: (text: string) => boolean | Promise<boolean>;
};

/** What both say of a request as it is, and of one with another body. */
async function judge(one: Received, { ours, theirs }: Judges) {
  const other = { ...one, body: Buffer.from(one.body.toString().replace('evt_1', 'evt_2')) };
  const verdicts = [ours(one), ours(other)];
  return {
    ours: verdicts.map((verdict) => 'verified' in verdict && verdict.verified),
    theirs: [await theirs(one.body.toString()), await theirs(other.body.toString())],
  };
}

const ALIKE = { ours: [true, false], theirs: [true, false] };

describe('we and the official library judge alike', () => {
  const withSecret = { auth: { webhook_secret_key: secret } };

  test('Slack', async () => {
    const signature = `v0=${mac(`v0:${seconds}:${payload}`, 'hex')}`;
    const verdicts = await judge(
      received({ 'X-Slack-Signature': signature, 'X-Slack-Request-Timestamp': String(seconds) }),
      {
        ours: (one) => verifyWith('SLACK', withSecret, one),
        theirs: (text) =>
          isValidSlackRequest({
            signingSecret: secret,
            body: text,
            headers: { 'x-slack-signature': signature, 'x-slack-request-timestamp': seconds },
          }),
      },
    );
    expect(verdicts).toEqual(ALIKE);
  });

  test('Discord', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
    const signature = signBytes(null, Buffer.from(`${seconds}${payload}`), privateKey).toString(
      'hex',
    );
    const verdicts = await judge(
      received({ 'X-Signature-Ed25519': signature, 'X-Signature-Timestamp': String(seconds) }),
      {
        ours: (one) => verifyWith('DISCORD', { auth: { public_key: raw } }, one),
        theirs: (text) => verifyKey(text, signature, String(seconds), raw),
      },
    );
    expect(verdicts).toEqual(ALIKE);
  });

  test('SendGrid', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const der = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
    const signature = signBytes('sha256', Buffer.from(`${seconds}${payload}`), privateKey).toString(
      'base64',
    );
    const library = new sendgrid.EventWebhook();
    const headers = {
      'X-Twilio-Email-Event-Webhook-Signature': signature,
      'X-Twilio-Email-Event-Webhook-Timestamp': String(seconds),
    };
    const verdicts = await judge(received(headers), {
      ours: (one) => verifyWith('SENDGRID', { auth: { webhook_secret_key: der } }, one),
      theirs: (text) =>
        library.verifySignature(
          library.convertPublicKeyToECDSA(der),
          text,
          signature,
          String(seconds),
        ),
    });
    expect(verdicts).toEqual(ALIKE);
  });

  test('Paddle', async () => {
    const signature = `ts=${seconds};h1=${mac(`${seconds}:${payload}`, 'hex')}`;
    const paddle = new Paddle('key');
    const verdicts = await judge(received({ 'Paddle-Signature': signature }), {
      ours: (one) => verifyWith('PADDLE', withSecret, one),
      theirs: (text) => paddle.webhooks.isSignatureValid(text, secret, signature),
    });
    expect(verdicts).toEqual(ALIKE);
  });

  test('Linear', async () => {
    const text = `{"id":"evt_1","webhookTimestamp":${nowMs}}`;
    const signature = mac(text, 'hex');
    const client = new LinearWebhookClient(secret);
    const verdicts = await judge(
      received({ 'Linear-Signature': signature }, { body: Buffer.from(text) }),
      {
        ours: (one) => verifyWith('LINEAR', withSecret, one),
        theirs: (other) =>
          doesNotThrow(() => client.verify(Buffer.from(other), signature, String(nowMs))),
      },
    );
    expect(verdicts).toEqual(ALIKE);
  });

  test('Resend', async () => {
    const signature = new SvixWebhook(whsec).sign('msg_1', new Date(nowMs), payload);
    const resend = new Resend('re_1');
    const headers = {
      'svix-id': 'msg_1',
      'svix-timestamp': String(seconds),
      'svix-signature': signature,
    };
    const verdicts = await judge(received(headers), {
      ours: (one) => verifyWith('RESEND', { auth: { webhook_secret_key: whsec } }, one),
      theirs: (text) =>
        doesNotThrow(() =>
          resend.webhooks.verify({
            payload: text,
            webhookSecret: whsec,
            headers: { id: 'msg_1', timestamp: String(seconds), signature },
          }),
        ),
    });
    expect(verdicts).toEqual(ALIKE);
  });
});

function doesNotThrow(action: () => unknown): boolean {
  try {
    return action() !== false;
  } catch {
    return false;
  }
}
