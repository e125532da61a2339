import { z } from 'zod';
import {
  apiKeyFields,
  basicFields,
  bearerFields,
  hmacFields,
  jwtFields,
  mtlsFields,
  secretText,
  standardWebhooksFields,
} from '../auth-fields.ts';
import { plugin, provider, settings, standardWebhooks, type ProviderTable } from './define.ts';
import { standardId } from './ids/define.ts';

/** Ways to verify that belong to no provider; `WEBHOOK` and `HTTP` choose one with `auth_type`. */
export const genericAuth = {
  HMAC: provider('HMAC', settings('secret'), {
    fields: hmacFields,
    unverifiedStatus: 401,
    note: 'Algorithm, encoding, header and signed content are settings.',
  }),
  BASIC_AUTH: provider(
    'Basic authentication',
    { kind: 'basic' },
    { fields: basicFields, secretField: 'password', unverifiedStatus: 401 },
  ),
  API_KEY: provider(
    'API key',
    { kind: 'token', place: 'header:x-api-key', field: 'api_key' },
    {
      fields: apiKeyFields,
      secretField: 'api_key',
      unverifiedStatus: 401,
      note: 'In the header `header_key` or the query parameter `query_key`.',
    },
  ),
  BEARER: provider(
    'Bearer token',
    { kind: 'token', place: 'header:authorization', prefix: 'Bearer ', field: 'token' },
    {
      fields: bearerFields,
      secretField: 'token',
      unverifiedStatus: 401,
    },
  ),
  JWT: provider('JSON Web Token', plugin('jwt'), {
    fields: jwtFields,
    unverifiedStatus: 401,
    note: 'The algorithms are pinned. A token may come again until it expires, unless `replay_protection` is on; `tolerance_seconds` is the leeway of its times, a minute by default. Key sets are fetched, capped at 100 keys and kept for an hour.',
  }),
  MTLS_HEADER: provider(
    'Client certificate, forwarded',
    { kind: 'token', place: 'header:x-client-cert', field: 'expected' },
    {
      fields: mtlsFields,
      secretField: 'expected',
      unverifiedStatus: 401,
      note: 'Only behind a proxy that sets the header itself and removes it from what comes in.',
    },
  ),
  STANDARD_WEBHOOKS: provider('Standard Webhooks', standardWebhooks(), {
    fields: standardWebhooksFields,
    idempotency: standardId,
    note: 'A secret `whsec_…` verifies `v1` signatures, a public key `whpk_…` verifies `v1a`.',
  }),
} satisfies ProviderTable;

/** Source types that are not a provider's. */
export const genericTypes = {
  WEBHOOK: provider(
    'Webhook',
    { kind: 'none' },
    {
      fields: {},
      secretField: null,
      optional: true,
      note: 'Takes any verification through `auth_type`, providers included.',
    },
  ),
  HTTP: provider(
    'HTTP request',
    { kind: 'none' },
    {
      fields: {},
      secretField: null,
      optional: true,
      note: 'For requests from your own code; `auth_type` is one of the generic ways.',
    },
  ),
  PUBLISH_API: provider(
    'Publish API',
    { kind: 'none' },
    {
      fields: {},
      secretField: null,
      optional: true,
      note: 'Takes only what the publish endpoint accepted, which its API key has verified.',
    },
  ),
  MANAGED: provider(
    'Managed',
    { kind: 'token', place: 'header:authorization', prefix: 'Bearer ', field: 'token' },
    {
      fields: { token: secretText },
      secretField: 'token',
      unverifiedStatus: 401,
    },
  ),
  HOOKDECK_OUTPOST: provider('Hookdeck Outpost', settings('secret'), {
    fields: { ...hmacFields, header_key: z.string().min(1).max(128) },
  }),
  STANDARD_WEBHOOKS: genericAuth.STANDARD_WEBHOOKS,
} satisfies ProviderTable;
