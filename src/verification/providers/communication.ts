import { z } from 'zod';
import { basicFields, hmacFields, microsoftGraphFields, secretText } from '../auth-fields.ts';
import {
  pairs,
  plugin,
  prefixed,
  provider,
  settings,
  signed,
  stamped,
  standardWebhooks,
  type ProviderTable,
} from './define.ts';
import { ids } from './ids/communication.ts';

const publicKey = { fields: { public_key: secretText }, secretField: 'public_key' } as const;
const microsoft = {
  fields: microsoftGraphFields,
  optional: true,
  otherKeys: ['app_id'],
  handshake: 'microsoft_graph',
  note: 'The secret is the `clientState` of the subscription, compared in every notification. `app_id`, one or a list, is the app that subscribed: with it every one of the `validationTokens` of a rich notification must be Microsoft’s for that app, and for a tenant of `tenant_id` where that is set. Without `app_id` they are **not** checked. `encryptedContent` is not decrypted.',
} as const;
const meta = {
  fields: { webhook_secret_key: secretText, verify_token: z.string().min(1).max(256).optional() },
  handshake: 'meta',
  note: 'Without `verify_token` any token is accepted while subscribing.',
} as const;

/** Messages, calls, mail, social networks. */
export const communication = {
  SLACK: provider(
    'Slack',
    signed('header:x-slack-signature', {
      layout: prefixed('v0='),
      content: 'v0:{header:x-slack-request-timestamp}:{body}',
      timestamp: stamped('header:x-slack-request-timestamp', 's'),
    }),
    {
      idempotency: ids.SLACK,
      handshake: 'slack',
      answer: { status: 200, contentType: 'text/plain', body: '' },
      note: 'What is answered to a slash command shows in the channel, so the answer is empty.',
    },
  ),
  ZOOM: provider(
    'Zoom',
    signed('header:x-zm-signature', {
      layout: prefixed('v0='),
      content: 'v0:{header:x-zm-request-timestamp}:{body}',
      timestamp: stamped('header:x-zm-request-timestamp', 's'),
    }),
    { handshake: 'zoom', unverifiedStatus: 401 },
  ),
  TWILIO: provider('Twilio', plugin('form-signature', { header: 'x-twilio-signature' }), {
    idempotency: ids.TWILIO,
    answer: {
      status: 200,
      contentType: 'text/xml',
      body: '<?xml version="1.0" encoding="UTF-8"?><Response></Response>',
    },
    note: 'Signs the registered URL; with and without the default port is tried.',
  }),
  SENDGRID: provider(
    'SendGrid',
    signed('header:x-twilio-email-event-webhook-signature', {
      algorithm: 'ecdsa-sha256',
      key: 'public',
      encoding: 'base64',
      content: '{header:x-twilio-email-event-webhook-timestamp}{body}',
      timestamp: stamped('header:x-twilio-email-event-webhook-timestamp', 's'),
    }),
    { note: 'The field takes the public key SendGrid shows.' },
  ),
  MAILGUN: provider('Mailgun', plugin('mailgun'), {
    idempotency: ids.MAILGUN,
    note: 'Signs a timestamp and a token, not the body.',
  }),
  MAILCHIMP: provider(
    'Mailchimp Transactional',
    plugin('form-signature', { header: 'x-mandrill-signature' }),
    {
      handshake: 'reachable',
      note: 'Audience webhooks of Mailchimp are unsigned.',
    },
  ),
  MAILERSEND: provider('MailerSend', signed('header:signature')),
  POSTMARK: provider(
    'Postmark',
    { kind: 'basic' },
    {
      fields: basicFields,
      secretField: 'password',
      unverifiedStatus: 401,
      note: 'Signs nothing; put the credentials into the URL.',
    },
  ),
  CUSTOMERIO: provider(
    'Customer.io',
    signed('header:x-cio-signature', {
      content: 'v0:{header:x-cio-timestamp}:{body}',
      timestamp: stamped('header:x-cio-timestamp', 's'),
    }),
    { idempotency: ids.CUSTOMERIO },
  ),
  COURIER: provider(
    'Courier',
    signed('header:courier-signature', {
      layout: pairs('signature'),
      content: '{pair:t}.{body}',
      timestamp: stamped('pair:t', 'auto'),
    }),
  ),
  INTERCOM: provider(
    'Intercom',
    signed('header:x-hub-signature', { algorithm: 'hmac-sha1', layout: prefixed('sha1=') }),
    { idempotency: ids.INTERCOM, handshake: 'reachable' },
  ),
  ZENDESK: provider(
    'Zendesk',
    signed('header:x-zendesk-webhook-signature', {
      encoding: 'base64',
      content: '{header:x-zendesk-webhook-signature-timestamp}{body}',
      timestamp: stamped('header:x-zendesk-webhook-signature-timestamp', 'iso'),
    }),
    {
      idempotency: ids.ZENDESK,
      note: 'Test requests are signed with Zendesk’s own fixed secret.',
    },
  ),
  FRONTAPP: provider(
    'Front',
    {
      kind: 'any',
      of: [
        signed('header:x-front-signature', {
          encoding: 'base64',
          content: '{header:x-front-request-timestamp}:{body}',
          timestamp: stamped('header:x-front-request-timestamp', 'auto'),
        }),
        signed('header:x-front-signature', { algorithm: 'hmac-sha1', encoding: 'base64' }),
      ],
    },
    { idempotency: ids.FRONTAPP, handshake: 'front' },
  ),
  AIRCALL: provider(
    'Aircall',
    { kind: 'token', place: 'json:token', field: 'webhook_secret_key' },
    { note: 'A token in the body.' },
  ),
  QUO: provider(
    'Quo (OpenPhone)',
    {
      kind: 'any',
      of: [
        signed('header:openphone-signature', {
          encoding: 'base64',
          key: 'base64',
          layout: { kind: 'positions', separator: ';', timestampAt: 2, signatureFrom: 3 },
          content: '{pair:t}.{body}',
          timestamp: stamped('pair:t', 'auto'),
        }),
        standardWebhooks(),
      ],
    },
    { idempotency: ids.QUO },
  ),
  RING_CENTRAL: provider(
    'RingCentral',
    { kind: 'token', place: 'header:verification-token', field: 'token' },
    {
      fields: { token: secretText },
      secretField: 'token',
      handshake: 'ring_central',
      idempotency: ids.RING_CENTRAL,
    },
  ),
  ATTENTIVE: provider('Attentive', signed('header:x-attentive-hmac-sha256')),
  COMMUNITY: provider('Community', settings('secret'), { fields: hmacFields }),
  PYLON: provider('Pylon', settings('secret', { header_key: 'x-pylon-signature' }), {
    fields: { ...hmacFields, header_key: hmacFields.header_key.default('x-pylon-signature') },
  }),
  DISCORD: provider(
    'Discord',
    signed('header:x-signature-ed25519', {
      algorithm: 'ed25519',
      key: 'public',
      content: '{header:x-signature-timestamp}{body}',
      timestamp: stamped('header:x-signature-timestamp', 's'),
    }),
    {
      ...publicKey,
      idempotency: ids.DISCORD,
      handshake: 'discord',
      unverifiedStatus: 401,
      inline: true,
      answer: { status: 204, contentType: 'text/plain', body: '' },
      note: 'Discord tries a bad signature while saving and wants 401.',
    },
  ),
  TELNYX: provider(
    'Telnyx',
    signed('header:telnyx-signature-ed25519', {
      algorithm: 'ed25519',
      key: 'public',
      encoding: 'base64',
      content: '{header:telnyx-timestamp}|{body}',
      timestamp: stamped('header:telnyx-timestamp', 's'),
    }),
    { ...publicKey, idempotency: ids.TELNYX },
  ),
  TWITCH: provider(
    'Twitch',
    signed('header:twitch-eventsub-message-signature', {
      layout: prefixed('sha256='),
      content:
        '{header:twitch-eventsub-message-id}{header:twitch-eventsub-message-timestamp}{body}',
      timestamp: stamped('header:twitch-eventsub-message-timestamp', 'iso', 600),
      replay: 'header:twitch-eventsub-message-id',
    }),
    { idempotency: ids.TWITCH, handshake: 'twitch' },
  ),
  TWITTER: provider(
    'X (Twitter)',
    signed('header:x-twitter-webhooks-signature', {
      encoding: 'base64',
      layout: prefixed('sha256='),
    }),
    {
      fields: { api_key: secretText },
      secretField: 'api_key',
      handshake: 'twitter',
      unverifiedStatus: 401,
      note: 'The field takes the consumer secret.',
    },
  ),
  FACEBOOK: provider(
    'Facebook',
    signed('header:x-hub-signature-256', { layout: prefixed('sha256=') }),
    meta,
  ),
  WHATSAPP: provider(
    'WhatsApp',
    signed('header:x-hub-signature-256', { layout: prefixed('sha256=') }),
    meta,
  ),
  TIKTOK: provider(
    'TikTok',
    signed('header:tiktok-signature', {
      layout: pairs('s'),
      content: '{pair:t}.{body}',
      timestamp: stamped('pair:t', 's'),
    }),
  ),
  LINKEDIN: provider(
    'LinkedIn',
    {
      kind: 'any',
      of: [linkedin('hmacsha256={body}'), linkedin('{body}'), linkedin('{body}', 'hmacsha256=')],
    },
    {
      handshake: 'linkedin',
      note: 'The secret is the client secret.',
    },
  ),
  LINE: provider('LINE', signed('header:x-line-signature', { encoding: 'base64' }), {
    idempotency: ids.LINE,
  }),
  NYLAS: provider('Nylas', signed('header:x-nylas-signature', { over: 'wire' }), {
    idempotency: ids.NYLAS,
    handshake: 'nylas',
    note: 'Signs the compressed bytes.',
  }),
  BUNNY_STREAM: provider('Bunny Stream', signed('header:x-bunnystream-signature'), {
    note: 'The secret is the library’s read-only API key.',
  }),
  MICROSOFT_GRAPH: provider('Microsoft Graph', plugin('microsoft-graph'), microsoft),
  MICROSOFT_SHAREPOINT: provider('Microsoft SharePoint', plugin('microsoft-graph'), microsoft),
} satisfies ProviderTable;

function linkedin(content: string, prefix?: string) {
  return signed(
    'header:x-li-signature',
    prefix === undefined ? { content } : { content, layout: prefixed(prefix) },
  );
}
