import { perDelivery, perEvent, standardId, unpromised } from './define.ts';

/** By what deliveries of the providers in ../commerce.ts are known when they come again. */
export const ids = {
  SHOPIFY: perDelivery(
    ['header:x-shopify-webhook-id', 'header:shopify-webhook-id'],
    'The unique id of the delivery, made to find duplicates with; retries carry the same.',
  ),
  WOOCOMMERCE: unpromised(
    'header:x-wc-webhook-delivery-id',
    'A hash of the webhook’s number and the second: all its deliveries of one second share it.',
    ['header:x-wc-webhook-id', 'header:x-wc-webhook-topic'],
  ),
  BIGCOMMERCE: standardId,
  POLAR: standardId,
  FASTSPRING: perEvent(
    'json:events.*.id',
    'The unique id of each event; automatic retries carry the same. A request may hold several events.',
  ),
  EBAY: perEvent(
    'json:notification.notificationId',
    'The unique id of the notification; `publishAttemptCount` beside it counts on.',
  ),
  TIKTOK_SHOP: perEvent(
    'json:tts_notification_id',
    'The unique id of the notification, to be used against duplicates.',
  ),
  PICQER: unpromised('json:idhook_execution', 'A number of the execution; not documented.'),
  SHIPHERO: unpromised('header:x-shiphero-message-id', 'An id of the message; not documented.'),
  UBER: unpromised('json:event_id', 'An id of the event; what a retry carries is not documented.'),
  TEBEX: unpromised('json:id', 'An id of the webhook; what a retry carries is not documented.'),
  NMI: unpromised('json:event_id', 'An id of the event; what a retry carries is not documented.'),
  SMARTCAR: perEvent(
    'json:eventId',
    'The unique id of the event, which its retries keep; times of delivery beside it change.',
    ['json:meta.webhookId'],
  ),
  ENODE: unpromised('header:x-enode-delivery', 'An id of the delivery of a batch of events.'),
};
