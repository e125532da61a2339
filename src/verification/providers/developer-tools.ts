import { apiKeyFields, hmacFields, secretText } from '../auth-fields.ts';
import {
  list,
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
import { ids } from './ids/developer-tools.ts';
import { z } from 'zod';

const apiKey = { fields: { api_key: secretText }, secretField: 'api_key' } as const;

/** Code, infrastructure, monitoring and AI. */
export const developerTools = {
  GITHUB: provider(
    'GitHub',
    signed('header:x-hub-signature-256', { layout: prefixed('sha256=') }),
    { idempotency: ids.GITHUB },
  ),
  GITLAB: provider(
    'GitLab',
    {
      kind: 'choice',
      field: 'version',
      fallback: 'token',
      of: {
        // A webhook with a signing token is known without being told, too.
        token: {
          kind: 'any',
          of: [
            { kind: 'token', place: 'header:x-gitlab-token', field: 'api_key' },
            standardWebhooks(),
          ],
        },
        signature: standardWebhooks(),
      },
    },
    {
      fields: { api_key: secretText, version: z.enum(['token', 'signature']).default('token') },
      secretField: 'api_key',
      idempotency: ids.GITLAB,
      note: 'The field takes the secret token or the newer signing token; with `version: signature` only the latter is taken.',
    },
  ),
  BITBUCKET: provider(
    'Bitbucket',
    signed('header:x-hub-signature', { layout: prefixed('sha256=') }),
    {
      idempotency: ids.BITBUCKET,
      note: 'SHA-256 in the header that elsewhere holds SHA-1.',
    },
  ),
  JIRA: provider('Jira', signed('header:x-hub-signature', { layout: prefixed('sha256=') }), {
    idempotency: ids.JIRA,
    note: 'Webhooks made in the user interface may be unsigned.',
  }),
  LINEAR: provider(
    'Linear',
    signed('header:linear-signature', { timestamp: stamped('json:webhookTimestamp', 'ms', 60) }),
    { idempotency: ids.LINEAR },
  ),
  VERCEL: provider('Vercel', signed('header:x-vercel-signature', { algorithm: 'hmac-sha1' }), {
    idempotency: ids.VERCEL,
  }),
  VERCEL_LOG_DRAINS: provider(
    'Vercel log drains',
    signed('header:x-vercel-signature', { algorithm: 'hmac-sha1' }),
    {
      fields: {
        webhook_secret_key: secretText.optional(),
        log_drains_secret: secretText.optional(),
      },
      optional: true,
      handshake: 'vercel',
      note: '`log_drains_secret` is the value of `x-vercel-verify`, sent back in every answer.',
    },
  ),
  CIRCLECI: provider(
    'CircleCI',
    signed('header:circleci-signature', { layout: list(',', 'v1=') }),
    { idempotency: ids.CIRCLECI },
  ),
  SENTRY: provider('Sentry', signed('header:sentry-hook-signature'), {
    idempotency: ids.SENTRY,
  }),
  PAGERDUTY: provider(
    'PagerDuty',
    signed('header:x-pagerduty-signature', { layout: list(',', 'v1=') }),
    { idempotency: ids.PAGERDUTY },
  ),
  STATSIG: provider(
    'Statsig',
    signed('header:x-statsig-signature', {
      layout: prefixed('v0='),
      content: 'v0:{header:x-statsig-request-timestamp}:{body}',
      timestamp: stamped('header:x-statsig-request-timestamp', 'ms'),
    }),
  ),
  FASTLY: provider(
    'Fastly log streaming',
    { kind: 'none' },
    {
      fields: { service_id: z.string().min(1).max(128).optional() },
      secretField: null,
      optional: true,
      handshake: 'fastly',
      note: 'Nothing is signed. Fastly asks at the root of the domain, `/.well-known/fastly/logging/challenge`.',
    },
  ),
  MERAKI: provider(
    'Cisco Meraki',
    { kind: 'token', place: 'json:sharedSecret', field: 'api_key' },
    { ...apiKey, idempotency: ids.MERAKI },
  ),
  CLOUDSIGNAL: provider(
    'CloudSignal',
    { kind: 'token', place: 'header:x-api-key', field: 'api_key' },
    {
      fields: apiKeyFields,
      secretField: 'api_key',
      certainty: 'generic',
      note: 'The header is not known for certain: set `header_key`.',
    },
  ),
  AWS_SNS: provider('Amazon SNS', plugin('sns'), {
    fields: { topic_arn: z.string().regex(/^arn:/, 'must begin with arn:').max(512).optional() },
    secretField: null,
    idempotency: ids.AWS_SNS,
    handshake: 'sns',
    note: 'Certificates come only from `sns.<region>.amazonaws.com`. Raw message delivery is unsigned. Anybody can make SNS sign: set `topic_arn` to take one topic only.',
  }),
  GOOGLE_PUBSUB: provider('Google Pub/Sub push', plugin('pubsub'), {
    fields: { audience: z.string().min(1).max(1024), service_account_email: z.email() },
    secretField: null,
    idempotency: ids.GOOGLE_PUBSUB,
    note: 'The token names the sender; the body itself is not signed.',
  }),
  GOOGLE_DRIVE: provider(
    'Google Drive',
    { kind: 'token', place: 'header:x-goog-channel-token', field: 'token' },
    {
      fields: { token: secretText },
      secretField: 'token',
      handshake: 'google_drive',
      note: 'Messages with `X-Goog-Resource-State: sync` open a channel and carry no change: they are handshakes.',
    },
  ),
  AZURE_EVENT_GRID: provider(
    'Azure Event Grid',
    { kind: 'token', place: 'header:x-api-key', field: 'api_key' },
    {
      fields: apiKeyFields,
      secretField: 'api_key',
      optional: true,
      handshake: 'event_grid',
      note: 'Event Grid signs nothing: put a key into the URL (`query_key`) or a delivery header.',
    },
  ),
  CLOUDEVENTS: provider(
    'CloudEvents',
    { kind: 'token', place: 'header:authorization', prefix: 'Bearer ', field: 'token' },
    {
      fields: { token: secretText },
      secretField: 'token',
      optional: true,
      handshake: 'cloudevents',
    },
  ),
  NEON: provider('Neon Auth', plugin('neon'), {
    fields: { neon_auth_url: z.url({ protocol: /^https$/ }).max(2048) },
    secretField: null,
    note: 'Blocking events wait for the answer, so the verdict is taken before it.',
    inline: true,
  }),
  CURSOR: provider(
    'Cursor',
    signed('header:x-webhook-signature', { layout: prefixed('sha256=') }),
    { idempotency: ids.CURSOR },
  ),
  CLAUDE: provider('Claude', standardWebhooks(), { idempotency: ids.CLAUDE }),
  OPENAI: provider('OpenAI', standardWebhooks(), { idempotency: ids.OPENAI }),
  REPLICATE: provider('Replicate', standardWebhooks(), { idempotency: ids.REPLICATE }),
  GEMINI: provider('Gemini', standardWebhooks(), {
    idempotency: ids.GEMINI,
    note: 'Static webhooks; dynamic ones are signed with a JWT, for which `JWT` is the way.',
  }),
  ELEVENLABS: provider(
    'ElevenLabs',
    signed('header:elevenlabs-signature', {
      layout: pairs('v0'),
      content: '{pair:t}.{body}',
      timestamp: stamped('pair:t', 's', 1800),
    }),
  ),
  RETELL: provider(
    'Retell AI',
    signed('header:x-retell-signature', {
      layout: pairs('d'),
      content: '{body}{pair:v}',
      timestamp: stamped('pair:v', 'ms'),
    }),
    { note: 'The secret is the API key.' },
  ),
  VAPI: provider('Vapi', settings('secret', { header_key: 'x-vapi-signature' }), {
    fields: { ...hmacFields, header_key: hmacFields.header_key.default('x-vapi-signature') },
  }),
  FIREFLIES: provider(
    'Fireflies',
    signed('header:x-hub-signature', { layout: prefixed('sha256=') }),
  ),
  SCRAPFLY: provider('Scrapfly', settings('secret'), { fields: hmacFields }),
  SVIX: provider('Svix', standardWebhooks(), { idempotency: ids.SVIX }),
  CLERK: provider('Clerk', standardWebhooks(), { idempotency: ids.CLERK }),
  RESEND: provider('Resend', standardWebhooks(), { idempotency: ids.RESEND }),
  FUSIONAUTH: provider('FusionAuth', plugin('fusionauth'), {
    note: 'A token with the digest of the body; the field takes the HMAC secret or the PEM public key.',
  }),
  OKTA: provider(
    'Okta',
    { kind: 'token', place: 'header:authorization', field: 'webhook_secret_key' },
    { handshake: 'okta', idempotency: ids.OKTA },
  ),
  AUTH0: provider('Auth0 log streams', {
    kind: 'token',
    place: 'header:authorization',
    field: 'webhook_secret_key',
  }),
  WORKOS: provider(
    'WorkOS',
    signed('header:workos-signature', {
      layout: pairs('v1'),
      content: '{pair:t}.{body}',
      timestamp: stamped('pair:t', 'ms', 180),
    }),
    { idempotency: ids.WORKOS },
  ),
  SANITY: provider(
    'Sanity',
    signed('header:sanity-webhook-signature', {
      encoding: 'base64url',
      layout: pairs('v1'),
      content: '{pair:t}.{body}',
      timestamp: stamped('pair:t', 'ms'),
    }),
    { idempotency: ids.SANITY },
  ),
  CLOUDINARY: provider(
    'Cloudinary',
    {
      kind: 'choice',
      field: 'algorithm',
      fallback: 'sha1',
      of: { sha1: cloudinary('hash-sha1'), sha256: cloudinary('hash-sha256') },
    },
    {
      fields: {
        webhook_secret_key: secretText,
        algorithm: z.enum(['sha1', 'sha256']).default('sha1'),
      },
      note: 'A digest of body, timestamp and API secret.',
    },
  ),
  ALCHEMY: provider('Alchemy', signed('header:x-alchemy-signature'), { idempotency: ids.ALCHEMY }),
  PORTAL: provider('Portal', settings('secret'), { fields: hmacFields }),
} satisfies ProviderTable;

function cloudinary(algorithm: 'hash-sha1' | 'hash-sha256') {
  return signed('header:x-cld-signature', {
    algorithm,
    content: '{body}{header:x-cld-timestamp}{secret}',
    timestamp: stamped('header:x-cld-timestamp', 's', 7200),
  });
}
