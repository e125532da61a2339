import { generateKeyPairSync, sign } from 'node:crypto';
import { Stripe } from 'stripe';
import twilio from 'twilio';
import { Webhook } from 'svix';
import type { SourceType } from '../../../src/verification/source-types.ts';
import { mac, PUBLIC_URL, seconds, type Send } from './ingest.ts';

const SECRET = 'the-secret-of-the-tests';
const WHSEC = `whsec_${Buffer.from('a secret of twenty-four b').toString('base64')}`;
const ADYEN_KEY = '44782def547aaa06c910c43932b1eb0c71fc68d9d0c057550c48ec2acf6ba056';
const discord = generateKeyPairSync('ed25519');
const discordKey = discord.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);

/** `text`: the body, or the key word of the gateway's own. */
export type Answer = { status: number; text: string };
export type Provider = {
  type: SourceType;
  auth: object;
  /** A request as the provider signs it, to the source with this id. */
  signed: (sourceId: string) => Send;
  /** The same with another body or, where the body is not signed, another signature. */
  tampered: (sourceId: string) => Send;
  accepted: Answer;
  refused: Answer;
};

const JSON_TYPE = { 'content-type': 'application/json' };
const BODY = '{"id":"evt_1","name":"Zoë","total":1.0}';
const OTHER = '{"id":"evt_1","name":"Zoë","total":9.0}';
const OWN = { status: 200, text: 'SUCCESS' };
const REFUSED = { status: 401, text: 'VERIFICATION_FAILED' };

/** A provider that signs the body in a header: signed as it is, and with the body changed behind the signature. */
function byHeader(
  type: SourceType,
  sign: (body: string) => Record<string, string>,
  more: Partial<Provider> = {},
): Provider {
  return {
    type,
    auth: { webhook_secret_key: SECRET },
    signed: () => ({ headers: { ...JSON_TYPE, ...sign(BODY) }, body: BODY }),
    tampered: () => ({ headers: { ...JSON_TYPE, ...sign(BODY) }, body: OTHER }),
    accepted: OWN,
    refused: OWN,
    ...more,
  };
}

const form = { From: '+15550001', Body: 'hi there' };

/** Providers that are verified without asking anybody, signed by their own libraries where these sign. */
export const PROVIDERS: Provider[] = [
  byHeader('STRIPE', (payload) => ({
    'stripe-signature': Stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET }),
  })),
  byHeader('GITHUB', (body) => ({
    'x-hub-signature-256': `sha256=${mac(body, { secret: SECRET })}`,
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
  })),
  byHeader(
    'SHOPIFY',
    (body) => ({ 'x-shopify-hmac-sha256': mac(body, { secret: SECRET, encoding: 'base64' }) }),
    { refused: REFUSED },
  ),
  byHeader(
    'SLACK',
    (body) => {
      const at = seconds();
      return {
        'x-slack-request-timestamp': at,
        'x-slack-signature': `v0=${mac(`v0:${at}:${body}`, { secret: SECRET })}`,
      };
    },
    { accepted: { status: 200, text: '' }, refused: { status: 200, text: '' } },
  ),
  {
    type: 'TWILIO',
    auth: { webhook_secret_key: SECRET },
    signed: (id) => twilioRequest(id, form),
    tampered: (id) => ({ ...twilioRequest(id, form), body: formBody({ ...form, Body: 'bye' }) }),
    accepted: { status: 200, text: '<?xml version="1.0" encoding="UTF-8"?><Response></Response>' },
    refused: { status: 200, text: '<?xml version="1.0" encoding="UTF-8"?><Response></Response>' },
  },
  byHeader(
    'SVIX',
    (body) => {
      const at = new Date();
      return {
        'svix-id': 'msg_1',
        'svix-timestamp': String(Math.floor(at.getTime() / 1000)),
        'svix-signature': new Webhook(WHSEC).sign('msg_1', at, body),
      };
    },
    { auth: { webhook_secret_key: WHSEC } },
  ),
  byHeader(
    'DISCORD',
    (body) => {
      const at = seconds();
      const signature = sign(null, Buffer.from(at + body), discord.privateKey);
      return {
        'x-signature-timestamp': at,
        'x-signature-ed25519': signature.toString('hex'),
      };
    },
    {
      auth: { public_key: discordKey.toString('hex') },
      accepted: { status: 204, text: '' },
      refused: REFUSED,
    },
  ),
  byHeader(
    'XERO',
    (body) => ({ 'x-xero-signature': mac(body, { secret: SECRET, encoding: 'base64' }) }),
    { accepted: { status: 200, text: '' }, refused: { status: 401, text: '' } },
  ),
  {
    type: 'ADYEN',
    auth: { webhook_secret_key: ADYEN_KEY },
    signed: () => ({ headers: JSON_TYPE, body: adyenBody('1130') }),
    tampered: () => ({
      headers: JSON_TYPE,
      body: adyenBody('1130').replace('"value":1130', '"value":9130'),
    }),
    accepted: { status: 200, text: '[accepted]' },
    refused: { status: 200, text: '[accepted]' },
  },
];

function formBody(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}

function twilioRequest(sourceId: string, fields: Record<string, string>): Send {
  const url = `${PUBLIC_URL}/in/${sourceId}`;
  return {
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': twilio.getExpectedTwilioSignature(SECRET, url, fields),
    },
    body: formBody(fields),
  };
}

function adyenBody(value: string): string {
  const content = `7914073381342284::TestMerchant:TestPayment-1:${value}:EUR:AUTHORISATION:true`;
  const hmacSignature = mac(content, { secret: Buffer.from(ADYEN_KEY, 'hex'), encoding: 'base64' });
  const item = {
    additionalData: { hmacSignature },
    pspReference: '7914073381342284',
    originalReference: '',
    merchantAccountCode: 'TestMerchant',
    merchantReference: 'TestPayment-1',
    amount: { value: Number(value), currency: 'EUR' },
    eventCode: 'AUTHORISATION',
    success: 'true',
  };
  return JSON.stringify({ live: 'false', notificationItems: [{ NotificationRequestItem: item }] });
}
