import '@shopify/shopify-api/adapters/node';
import { createHmac } from 'node:crypto';
import { ApiVersion, LogSeverity, shopifyApi } from '@shopify/shopify-api';
import { expect, test } from 'vitest';
import { headersOf, request, verifyWith } from './support.ts';

const secret = 'shpss_a-secret';
const shopify = shopifyApi({
  apiKey: 'key',
  apiSecretKey: secret,
  apiVersion: ApiVersion.July26,
  hostName: 'hooks.example.com',
  isEmbeddedApp: false,
  logger: { level: LogSeverity.Error },
});

const WEBHOOK = {
  'X-Shopify-Topic': 'orders/create',
  'X-Shopify-Shop-Domain': 'shop.myshopify.com',
  'X-Shopify-API-Version': '2026-07',
  'X-Shopify-Webhook-Id': 'b54557e4',
};
/** Events come with names of their own. */
const EVENT = {
  'shopify-topic': 'Order',
  'shopify-shop-domain': 'shop.myshopify.com',
  'shopify-api-version': 'unstable',
  'shopify-webhook-id': 'b54557e4',
  'shopify-handle': 'orders',
  'shopify-action': 'create',
};

const hmac = (body: string) => createHmac('sha256', secret).update(body).digest('base64');
const webhook = (body: string) => ({ ...WEBHOOK, 'X-Shopify-Hmac-Sha256': hmac(body) });
const event = (body: string) => ({ ...EVENT, 'shopify-hmac-sha256': hmac(body) });

async function libraryAccepts(body: string, headers: Record<string, string>): Promise<boolean> {
  const rawRequest = { method: 'POST', url: '/in/x', headers };
  // The adapter reads no more than these of a Node request.
  const { valid } = await shopify.webhooks.validate({
    rawBody: body,
    rawRequest,
    rawResponse: {},
  });
  return valid;
}

test.each([
  ['webhooks', webhook],
  ['events', event],
])('we and the official Shopify library judge alike: %s', async (_what, headers) => {
  const body = '{"id":1,"title":"Café"}';
  const config = { auth: { webhook_secret_key: secret } };
  const received = request({ headers: headersOf(headers(body)), body: Buffer.from(body) });
  expect(verifyWith('SHOPIFY', config, received)).toEqual({
    verified: true,
    idempotencyKey: 'b54557e4',
  });
  expect(await libraryAccepts(body, headers(body))).toBe(true);
  const other = { ...received, body: Buffer.from(`${body} `) };
  expect(verifyWith('SHOPIFY', config, other)).toMatchObject({ verified: false });
  expect(await libraryAccepts(`${body} `, headers(body))).toBe(false);
});
