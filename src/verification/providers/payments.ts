import { z } from 'zod';
import { basicFields, hmacFields, publicKeyFields, secretText } from '../auth-fields.ts';
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
import { ids } from './ids/payments.ts';

const generic = { fields: hmacFields } as const;
const publicKey = { fields: { public_key: secretText }, secretField: 'public_key' } as const;
const genericPublicKey = { fields: publicKeyFields, secretField: 'public_key' } as const;
const basic = { fields: basicFields, secretField: 'password', unverifiedStatus: 401 } as const;

/** Payments, banking, digital assets. */
export const payments = {
  STRIPE: provider(
    'Stripe',
    signed('header:stripe-signature', {
      layout: pairs('v1'),
      content: '{pair:t}.{body}',
      timestamp: stamped('pair:t', 's'),
    }),
    {
      idempotency: ids.STRIPE,
      note: 'The secret is used as it is written, `whsec_` included.',
    },
  ),
  PAYPAL: provider('PayPal', plugin('paypal'), {
    fields: { webhook_id: z.string().min(1).max(128) },
    secretField: null,
    idempotency: ids.PAYPAL,
    note: 'Certificates come only from `*.paypal.com`.',
  }),
  ADYEN: provider(
    'Adyen',
    {
      kind: 'choice',
      field: 'format',
      fallback: 'standard',
      of: {
        standard: plugin('adyen'),
        platform: signed('header:hmacsignature', { encoding: 'base64', key: 'hex' }),
      },
    },
    {
      fields: {
        webhook_secret_key: secretText.regex(/^(?:[0-9a-fA-F]{2})+$/, 'must be hexadecimal digits'),
        format: z.enum(['standard', 'platform']).default('standard'),
      },
      answer: { status: 200, contentType: 'text/plain', body: '[accepted]' },
      note: '`format: platform` for webhooks that carry the header `HmacSignature`.',
    },
  ),
  SQUARE: provider(
    'Square',
    {
      kind: 'any',
      of: [
        signed('header:x-square-hmacsha256-signature', {
          encoding: 'base64',
          content: '{url}{body}',
        }),
        signed('header:x-square-signature', {
          algorithm: 'hmac-sha1',
          encoding: 'base64',
          content: '{url}{body}',
        }),
      ],
    },
    { idempotency: ids.SQUARE },
  ),
  PADDLE: provider(
    'Paddle',
    {
      kind: 'choice',
      field: 'version',
      fallback: 'billing',
      of: {
        billing: signed('header:paddle-signature', {
          layout: pairs('h1', { separator: ';' }),
          content: '{pair:ts}:{body}',
          timestamp: stamped('pair:ts', 's', 60),
        }),
        classic: plugin('paddle-classic'),
      },
    },
    {
      fields: {
        webhook_secret_key: secretText,
        version: z.enum(['billing', 'classic']).default('billing'),
      },
      idempotency: ids.PADDLE,
      note: 'Paddle’s own library allows five seconds; the default here is sixty. For Paddle Classic the field takes the public key.',
    },
  ),
  RAZORPAY: provider('Razorpay', signed('header:x-razorpay-signature'), {
    idempotency: ids.RAZORPAY,
  }),
  PAYSTACK: provider(
    'Paystack',
    signed('header:x-paystack-signature', { algorithm: 'hmac-sha512' }),
  ),
  PAYMOB: provider('Paymob', plugin('paymob'), {
    note: 'The signature is the query parameter `hmac`.',
  }),
  SOLIDGATE: provider(
    'Solidgate',
    signed('header:signature', {
      algorithm: 'hmac-sha512',
      encoding: 'base64hex',
      content: '{header:merchant}{body}{header:merchant}',
    }),
    { idempotency: ids.SOLIDGATE },
  ),
  PRAXIS: provider('Praxis', settings('secret'), {
    ...generic,
    note: 'Praxis wants its answer signed; that is for the destination to do.',
  }),
  GOCARDLESS: provider('GoCardless', signed('header:webhook-signature')),
  RECURLY: provider(
    'Recurly',
    signed('header:recurly-signature', {
      layout: { kind: 'positions', separator: ',', timestampAt: 0, signatureFrom: 1 },
      content: '{pair:t}.{body}',
      timestamp: stamped('pair:t', 'auto'),
    }),
    { idempotency: ids.RECURLY, note: 'Only JSON webhooks are signed.' },
  ),
  REVOLUT: provider(
    'Revolut',
    signed('header:revolut-signature', {
      layout: list(',', 'v1='),
      content: 'v1.{header:revolut-request-timestamp}.{body}',
      timestamp: stamped('header:revolut-request-timestamp', 'ms'),
    }),
  ),
  AIRWALLEX: provider(
    'Airwallex',
    signed('header:x-signature', {
      content: '{header:x-timestamp}{body}',
      timestamp: stamped('header:x-timestamp', 'ms'),
    }),
    { idempotency: ids.AIRWALLEX },
  ),
  BRIDGE_API: provider(
    'Bridge (bridgeapi.io)',
    signed('header:bridgeapi-signature', { layout: list(',', 'v1=') }),
  ),
  BRIDGE_XYZ: provider(
    'Bridge (bridge.xyz)',
    { kind: 'any', of: [bridge('{pair:t}.{body}'), bridge('{sha256(t.body)}')] },
    { ...publicKey, idempotency: ids.BRIDGE_XYZ },
  ),
  COINBASE: provider('Coinbase Commerce', signed('header:x-cc-webhook-signature'), {
    idempotency: ids.COINBASE,
  }),
  CIRCLE: provider('Circle', plugin('circle'), {
    fields: { api_key: secretText },
    secretField: 'api_key',
    idempotency: ids.CIRCLE,
    note: 'The public key is fetched by its id from `api.circle.com`.',
  }),
  FIREBLOCKS: provider('Fireblocks', plugin('fireblocks'), {
    fields: { environment: z.enum(['US_PRODUCTION', 'EU', 'EU2', 'SANDBOX']) },
    secretField: null,
    idempotency: ids.FIREBLOCKS,
    note: 'The header `Fireblocks-Webhook-Signature`; the older one is not read.',
  }),
  UTILA: provider('Utila', settings('public'), { ...genericPublicKey, idempotency: ids.UTILA }),
  TOKENIO: provider('Token.io', settings('public'), genericPublicKey),
  VOLUME: provider('Volume', settings('public'), {
    fields: { ...publicKeyFields, environment: z.string().min(1).max(64).optional() },
    secretField: 'public_key',
  }),
  ALIPAY: provider('Alipay', plugin('alipay'), {
    ...publicKey,
    answer: { status: 200, contentType: 'text/plain', body: 'success' },
    note: 'Form notifications with `sign_type=RSA2`.',
  }),
  WECHAT: provider(
    'WeChat Pay',
    signed('header:wechatpay-signature', {
      algorithm: 'rsa-sha256',
      key: 'public',
      encoding: 'base64',
      content: '{header:wechatpay-timestamp}\n{header:wechatpay-nonce}\n{body}\n',
      timestamp: stamped('header:wechatpay-timestamp', 's'),
    }),
    {
      ...publicKey,
      idempotency: ids.WECHAT,
      answer: {
        status: 200,
        contentType: 'application/json',
        body: '{"code":"SUCCESS","message":"OK"}',
      },
      note: 'The resource in the body stays encrypted.',
    },
  ),
  CHAINDOTS: provider('Chaindots', settings('secret'), generic),
  ZEROHASH: provider('Zero Hash', signed('header:x-zh-hook-signature-256'), {
    idempotency: ids.ZEROHASH,
  }),
  LITHIC: provider('Lithic', standardWebhooks(), { idempotency: ids.LITHIC }),
  SYNCTERA: provider(
    'Synctera',
    signed('header:synctera-signature', {
      layout: list('.'),
      content: '{header:request-timestamp}.{body}',
      timestamp: stamped('header:request-timestamp', 's'),
    }),
    { idempotency: ids.SYNCTERA },
  ),
  ORB: provider(
    'Orb',
    signed('header:x-orb-signature', {
      layout: prefixed('v1='),
      content: 'v1:{header:x-orb-timestamp}:{body}',
      timestamp: stamped('header:x-orb-timestamp', 'iso'),
    }),
    { idempotency: ids.ORB },
  ),
  REPAY: provider('REPAY', settings('secret'), generic),
  FISERV: provider('Fiserv', settings('secret'), {
    fields: { ...hmacFields, store_name: z.string().min(1).max(256).optional() },
  }),
  PAYPRO_GLOBAL: provider('PayPro Global', settings('secret'), generic),
  CHARGEBEE_BILLING: provider(
    'Chargebee',
    { kind: 'basic' },
    { ...basic, idempotency: ids.CHARGEBEE_BILLING },
  ),
  GREENDOT: provider('Green Dot', { kind: 'basic' }, basic),
  ETHOCA: provider('Ethoca', { kind: 'none' }, { fields: {}, secretField: null, optional: true }),
  ZIFT: provider('Zift', { kind: 'none' }, { fields: {}, secretField: null, optional: true }),
  MOLLIE: provider(
    'Mollie',
    signed('header:x-mollie-signature', {
      layout: { kind: 'list', separator: ',', prefix: 'sha256=', repeated: true },
    }),
    {
      fields: { webhook_secret_key: secretText.optional() },
      optional: true,
      idempotency: ids.MOLLIE,
      note: 'Only webhooks made in the dashboard or by `/v2/webhooks` are signed. The older ones send an id only: fetch the payment to confirm it.',
    },
  ),
  TREEZOR: provider('Treezor', plugin('treezor'), { idempotency: ids.TREEZOR }),
  ASCEND: provider('Ascend', settings('secret'), generic),
  FAUNDIT: provider('Faundit', settings('secret'), generic),
} satisfies ProviderTable;

function bridge(content: string) {
  return signed('header:x-webhook-signature', {
    algorithm: 'rsa-sha256',
    key: 'public',
    encoding: 'base64',
    layout: pairs('v0'),
    content,
    timestamp: stamped('pair:t', 'ms', 600),
  });
}
