import { z } from 'zod';
import { basicFields, hmacFields, secretText } from '../auth-fields.ts';
import {
  list,
  pairs,
  plugin,
  prefixed,
  provider,
  settings,
  signed,
  stamped,
  type ProviderTable,
} from './define.ts';
import { ids } from './ids/business.ts';

const generic = { fields: hmacFields } as const;
const byHandshake = {
  fields: { webhook_secret_key: secretText.optional() },
  optional: true,
} as const;

/** Documents, forms, planning, people, health. */
export const business = {
  HUBSPOT: provider(
    'HubSpot',
    {
      kind: 'choice',
      field: 'version',
      fallback: 'v3',
      of: {
        v3: { kind: 'any', of: [hubspotV3('{decodedUrl}'), hubspotV3('{url}')] },
        v2: signed('header:x-hubspot-signature', {
          algorithm: 'hash-sha256',
          content: '{secret}{method}{url}{body}',
        }),
        v1: signed('header:x-hubspot-signature', {
          algorithm: 'hash-sha256',
          content: '{secret}{body}',
        }),
      },
    },
    {
      fields: { webhook_secret_key: secretText, version: z.enum(['v3', 'v2', 'v1']).default('v3') },
      note: 'Only the version chosen is accepted: the older ones are weaker.',
    },
  ),
  DOCUSIGN: provider(
    'DocuSign',
    signed('header:x-docusign-signature-', { encoding: 'base64', layout: { kind: 'numbered' } }),
    {
      note: 'Any of the headers `X-DocuSign-Signature-1` and following.',
    },
  ),
  TYPEFORM: provider(
    'Typeform',
    signed('header:typeform-signature', { encoding: 'base64', layout: prefixed('sha256=') }),
    { idempotency: ids.TYPEFORM },
  ),
  TALLY: provider('Tally', signed('header:tally-signature', { encoding: 'base64' }), {
    idempotency: ids.TALLY,
  }),
  FORMSTACK: provider(
    'Formstack',
    settings('secret', { header_key: 'x-fs-signature', signature_prefix: 'sha256=' }),
    {
      fields: { ...hmacFields, header_key: hmacFields.header_key.default('x-fs-signature') },
    },
  ),
  CALENDLY: provider(
    'Calendly',
    signed('header:calendly-webhook-signature', {
      layout: pairs('v1'),
      content: '{pair:t}.{body}',
      timestamp: stamped('pair:t', 's', 180),
    }),
  ),
  CRONOFY: provider(
    'Cronofy',
    signed('header:cronofy-hmac-sha256', { encoding: 'base64', layout: list(',') }),
    { note: 'The secret is the client secret.' },
  ),
  AIRTABLE: provider(
    'Airtable',
    signed('header:x-airtable-content-mac', { key: 'base64', layout: prefixed('hmac-sha256=') }),
    {
      answer: { status: 200, contentType: 'text/plain', body: '' },
      note: 'Says only that something changed; the payloads are fetched.',
    },
  ),
  ASANA: provider('Asana', signed('header:x-hook-signature'), {
    ...byHandshake,
    handshake: 'asana',
    note: 'The secret arrives with the handshake.',
  }),
  CLIO: provider('Clio', signed('header:x-hook-signature'), {
    ...byHandshake,
    handshake: 'asana',
    note: 'The secret arrives with the handshake.',
  }),
  NOTION: provider('Notion', signed('header:x-notion-signature', { layout: prefixed('sha256=') }), {
    ...byHandshake,
    idempotency: ids.NOTION,
    handshake: 'notion',
    note: 'The first request carries the verification token, which is the secret.',
  }),
  TRELLO: provider(
    'Trello',
    signed('header:x-trello-webhook', {
      algorithm: 'hmac-sha1',
      encoding: 'base64',
      content: '{body}{url}',
    }),
    {
      idempotency: ids.TRELLO,
      handshake: 'reachable',
    },
  ),
  FAVRO: provider(
    'Favro',
    signed('header:x-favro-webhook', {
      algorithm: 'hmac-sha1',
      encoding: 'base64',
      content: '{json:payloadId}{url}',
      replay: 'json:payloadId',
    }),
    {
      idempotency: ids.FAVRO,
      note: 'Signs an id and the URL, not the body.',
    },
  ),
  MONDAY: provider('monday.com', plugin('monday'), {
    ...byHandshake,
    handshake: 'monday',
    note: 'Only apps sign: the field takes the signing secret. Webhooks made by hand carry no token.',
  }),
  WIX: provider('Wix', plugin('wix'), {
    note: 'The whole body is a token; the field takes the public key in PEM form.',
  }),
  WEBFLOW: provider(
    'Webflow',
    signed('header:x-webflow-signature', {
      content: '{header:x-webflow-timestamp}:{body}',
      timestamp: stamped('header:x-webflow-timestamp', 'ms'),
    }),
    {
      note: 'Webhooks made in the dashboard are unsigned.',
    },
  ),
  DROPBOX: provider('Dropbox', signed('header:x-dropbox-signature'), {
    handshake: 'dropbox',
    note: 'The secret is the app secret.',
  }),
  ASHBY: provider('Ashby', signed('header:ashby-signature', { layout: prefixed('sha256=') })),
  PIPEDRIVE: provider(
    'Pipedrive',
    { kind: 'basic' },
    { fields: basicFields, secretField: 'password', unverifiedStatus: 401 },
  ),
  STRAVA: provider(
    'Strava',
    { kind: 'none' },
    {
      fields: { verify_token: z.string().min(1).max(256).optional() },
      secretField: null,
      optional: true,
      handshake: 'strava',
      note: 'Signs nothing.',
    },
  ),
  OURA: provider(
    'Oura',
    signed('header:x-oura-signature', {
      content: '{header:x-oura-timestamp}{body}',
      timestamp: stamped('header:x-oura-timestamp', 'auto'),
    }),
    {
      fields: {
        webhook_secret_key: secretText,
        verify_token: z.string().min(1).max(256).optional(),
      },
      handshake: 'oura',
      note: 'The secret is the client secret.',
    },
  ),
  UPOLLO: provider('Upollo', settings('secret'), generic),
  SMILE: provider('Smile', settings('secret'), {
    ...generic,
    note: 'HMAC-SHA512 as far as is known: set `algorithm: sha512`.',
  }),
} satisfies ProviderTable;

// HubSpot signs its URL with reserved characters decoded, which not every URL it calls shows.
function hubspotV3(url: string) {
  return signed('header:x-hubspot-signature-v3', {
    encoding: 'base64',
    content: `{method}${url}{body}{header:x-hubspot-request-timestamp}`,
    timestamp: stamped('header:x-hubspot-request-timestamp', 'ms'),
  });
}
