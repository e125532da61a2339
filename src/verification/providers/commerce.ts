import { z } from 'zod';
import { hmacFields, publicKeyFields, secretText } from '../auth-fields.ts';
import {
  plugin,
  provider,
  settings,
  signed,
  stamped,
  standardWebhooks,
  type ProviderTable,
} from './define.ts';
import { ids } from './ids/commerce.ts';

const generic = { fields: hmacFields } as const;

/** Shops, shipping, catalogues. */
export const commerce = {
  SHOPIFY: provider(
    'Shopify',
    {
      kind: 'any',
      of: [
        signed('header:x-shopify-hmac-sha256', { encoding: 'base64' }),
        signed('header:shopify-hmac-sha256', { encoding: 'base64' }),
      ],
    },
    {
      idempotency: ids.SHOPIFY,
      unverifiedStatus: 401,
      note: 'The secret is the app’s client secret. Events use the header without `X-`.',
    },
  ),
  WOOCOMMERCE: provider(
    'WooCommerce',
    signed('header:x-wc-webhook-signature', { encoding: 'base64' }),
    {
      idempotency: ids.WOOCOMMERCE,
      note: 'Saving a webhook sends one unsigned form.',
    },
  ),
  BIGCOMMERCE: provider('BigCommerce', textKeyed(), {
    idempotency: ids.BIGCOMMERCE,
    note: 'Standard Webhooks keyed with the client secret as it is written.',
  }),
  COMMERCELAYER: provider(
    'Commerce Layer',
    signed('header:x-commercelayer-signature', { encoding: 'base64' }),
  ),
  NUVEMSHOP: provider('Nuvemshop', signed('header:x-linkedstore-hmac-sha256')),
  SHOPLINE: provider('SHOPLINE', settings('secret'), generic),
  RECHARGE: provider(
    'Recharge',
    signed('header:x-recharge-hmac-sha256', {
      algorithm: 'hash-sha256',
      content: '{secret}{body}',
    }),
    {
      note: 'A digest of client secret and body, not an HMAC.',
    },
  ),
  FASTSPRING: provider('FastSpring', signed('header:x-fs-signature', { encoding: 'base64' }), {
    idempotency: ids.FASTSPRING,
  }),
  EBAY: provider('eBay', plugin('ebay'), {
    fields: {
      environment: z.enum(['PRODUCTION', 'SANDBOX']).default('PRODUCTION'),
      dev_id: z.string().min(1).max(256),
      client_id: z.string().min(1).max(256),
      client_secret: secretText,
      verification_token: z
        .string()
        .regex(/^[\w-]{32,80}$/, 'must be 32 to 80 letters, digits, - and _'),
    },
    secretField: 'client_secret',
    idempotency: ids.EBAY,
    handshake: 'ebay',
    note: 'The key is fetched by its id with the application’s credentials.',
  }),
  WALMART: provider(
    'Walmart',
    signed('header:wm_sec.signature', {
      encoding: 'base64',
      content: '{method}\n{pathAndQuery}\n{header:wm_sec.timestamp}\n{sha256hex(body)}',
      timestamp: stamped('header:wm_sec.timestamp', 's'),
    }),
    { note: 'Signs the path as registered.' },
  ),
  TIKTOK_SHOP: provider(
    'TikTok Shop',
    signed('header:authorization', { content: '{field:app_key}{body}' }),
    {
      fields: { webhook_secret_key: secretText, app_key: z.string().min(1).max(256) },
      idempotency: ids.TIKTOK_SHOP,
    },
  ),
  AKENEO: provider(
    'Akeneo',
    signed('header:x-akeneo-request-signature', {
      content: '{header:x-akeneo-request-timestamp}.{body}',
      timestamp: stamped('header:x-akeneo-request-timestamp', 's'),
    }),
    { note: 'Akeneo waits half a second for the answer.' },
  ),
  PICQER: provider('Picqer', signed('header:x-picqer-signature', { encoding: 'base64' }), {
    idempotency: ids.PICQER,
  }),
  SHIPBOB: provider('ShipBob', settings('secret'), generic),
  SHIPHERO: provider('ShipHero', signed('header:x-shiphero-hmac-sha256', { encoding: 'base64' }), {
    idempotency: ids.SHIPHERO,
    answer: {
      status: 200,
      contentType: 'application/json',
      body: '{"code":"200","Status":"Success"}',
    },
  }),
  SHIPSTATION: provider('ShipStation', settings('public'), {
    fields: publicKeyFields,
    secretField: 'public_key',
    note: 'Version 1 of its API signs nothing.',
  }),
  FLEXPORT: provider('Flexport', settings('secret'), generic),
  USPS: provider('USPS', settings('secret'), generic),
  UBER: provider('Uber', signed('header:x-uber-signature'), {
    idempotency: ids.UBER,
    note: 'The secret is the client secret.',
  }),
  THREE_D_EYE: provider('3dEYE', settings('secret'), generic),
  TEBEX: provider('Tebex', signed('header:x-signature', { content: '{sha256hex(body)}' }), {
    idempotency: ids.TEBEX,
    note: 'An HMAC over the digest of the body.',
  }),
  NMI: provider(
    'NMI',
    signed('header:webhook-signature', {
      layout: { kind: 'pairs', separator: ',', signature: 's' },
      content: '{pair:t}.{body}',
      replay: 'pair:t',
    }),
    { idempotency: ids.NMI, note: 'Its `t=` is a nonce, not a time.' },
  ),
  QUOTER: provider(
    'Quoter',
    signed('form:hash', {
      algorithm: 'hash-md5',
      content: '{secret}{form:timestamp}{form:data}',
      timestamp: stamped('form:timestamp', 's'),
    }),
    { note: 'An MD5 digest of hash key, timestamp and data: weak, and all that Quoter offers.' },
  ),
  'PROPERTY-FINDER': provider('Property Finder', settings('secret'), generic),
  SMARTCAR: provider('Smartcar', signed('header:sc-signature'), {
    idempotency: ids.SMARTCAR,
    handshake: 'smartcar',
  }),
  ENODE: provider(
    'Enode',
    signed('header:x-enode-signature', {
      algorithm: 'hmac-sha1',
      layout: { kind: 'prefix', prefix: 'sha1=' },
    }),
    { idempotency: ids.ENODE },
  ),
  BONDSMITH: provider('Bondsmith', settings('secret'), generic),
  LEMON_SQUEEZY: provider('Lemon Squeezy', signed('header:x-signature')),
  POLAR: provider(
    'Polar',
    { kind: 'any', of: [standardWebhooks(), textKeyed()] },
    {
      idempotency: ids.POLAR,
      note: 'Standard Webhooks; the secret may be given as Polar shows it.',
    },
  ),
} satisfies ProviderTable;

// Standard Webhooks with the secret used as text instead of being decoded.
function textKeyed() {
  return signed('header:webhook-signature', {
    encoding: 'base64',
    layout: { kind: 'list', separator: ' ', prefix: 'v1,' },
    content: '{header:webhook-id}.{header:webhook-timestamp}.{body}',
    timestamp: stamped('header:webhook-timestamp', 's'),
    replay: 'header:webhook-id',
  });
}
