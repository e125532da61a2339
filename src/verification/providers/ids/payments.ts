import { perEvent, standardId, unpromised } from './define.ts';

/** By what deliveries of the providers in ../payments.ts and ../accounting.ts are known when they come again. */
export const ids = {
  STRIPE: perEvent(
    'json:id',
    'The unique id of the event, to be logged against duplicates; `pending_webhooks` beside it changes.',
  ),
  PAYPAL: perEvent(
    'json:id',
    'The id of the event; retries and resends of an event carry the same.',
  ),
  SQUARE: perEvent('json:event_id', 'The unique id of the event, made as an idempotency value.'),
  PADDLE: perEvent(
    ['json:event_id', 'form:alert_id'],
    'The unique id of the event, or of the alert in Paddle Classic; retries carry the same.',
  ),
  RAZORPAY: perEvent(
    'header:x-razorpay-event-id',
    'Unique for each event, and meant for finding duplicates.',
  ),
  SOLIDGATE: unpromised(
    'header:solidgate-event-id',
    'An id of the event; what other channels and a retry carry is not documented.',
  ),
  RECURLY: unpromised(
    'json:id',
    'The id of the account, subscription or invoice that changed: every notification about it carries the same.',
  ),
  AIRWALLEX: perEvent('json:id', 'The unique id of the event; retries carry the same.'),
  BRIDGE_XYZ: perEvent('json:event_id', 'The unique id of the event; retries carry the same.'),
  COINBASE: perEvent(
    'json:event.id',
    'The unique id of the event; the outer `id` and `attempt_number` are those of the delivery.',
  ),
  CIRCLE: perEvent('json:notificationId', 'The unique id of the notification.', [
    'json:subscriptionId',
  ]),
  FIREBLOCKS: perEvent(
    'json:id',
    'The unique id of the event; retries and resends carry the same.',
  ),
  UTILA: unpromised('json:id', 'An id of the event; what a retry carries is not documented.'),
  WECHAT: perEvent('json:id', 'The unique id of the notification; it is the same when sent again.'),
  ZEROHASH: unpromised(
    'header:x-zh-hook-notification-id',
    'An id of the notification; what a retry carries is not documented.',
  ),
  LITHIC: standardId,
  SYNCTERA: unpromised(
    'json:id',
    'An id of the event; what other webhooks carry is not documented.',
  ),
  ORB: perEvent('json:id', 'The unique id of the event; retries carry the same.'),
  CHARGEBEE_BILLING: perEvent(
    'json:id',
    'The unique id of the event; the states of its webhooks beside it change.',
  ),
  MOLLIE: unpromised('json:id', 'An id of the event; what a retry carries is not documented.'),
  TREEZOR: unpromised(
    'json:webhook_id',
    'An id of the webhook; what a retry carries is not documented.',
  ),
  PERSONA: perEvent('json:data.id', 'The unique id of the event; retries carry the same.'),
};
