import { perDelivery, perEvent, unpromised } from './define.ts';

/** By what deliveries of the providers in ../communication.ts are known when they come again. */
export const ids = {
  SLACK: perEvent(
    'json:event_id',
    'Unique over all workspaces; retries carry the same, and count in a header.',
  ),
  TWILIO: perDelivery(
    'header:i-twilio-idempotency-token',
    'A unique token of the callback, the same in its retries.',
  ),
  MAILGUN: perEvent(
    'json:event-data.id',
    'Unique within a day, so the time of the event counts as well; a retry keeps both.',
    ['json:event-data.timestamp'],
  ),
  CUSTOMERIO: perEvent('json:event_id', 'The unique id of the event that is reported.'),
  INTERCOM: perEvent(
    'json:id',
    'The id of the notification; its one retry carries the same, and `delivery_attempts` counts on.',
  ),
  ZENDESK: perDelivery(
    'header:x-zendesk-webhook-invocation-id',
    'The unique id of the invocation of a webhook, which its retries keep.',
    ['header:x-zendesk-webhook-id'],
  ),
  FRONTAPP: unpromised(
    ['json:id', 'json:payload.id'],
    'The id of the event, which is sent once for each rule it fires and each webhook of an app.',
  ),
  QUO: unpromised(
    'json:id',
    'The id of the event; what several webhooks and a retry carry is not documented.',
  ),
  RING_CENTRAL: perDelivery('json:uuid', 'The universally unique id of the notification message.', [
    'json:subscriptionId',
  ]),
  DISCORD: perEvent('json:id', 'The id of the interaction; an interaction is never sent again.'),
  TELNYX: perEvent(
    'json:data.id',
    'The unique id of the event; `meta.attempt` counts on when it is sent again.',
  ),
  TWITCH: perDelivery(
    'header:twitch-eventsub-message-id',
    'The id of the message; one that was seen before is a duplicate.',
  ),
  LINE: perEvent(
    'json:events.*.webhookEventId',
    'Uniquely identifies the event; a redelivery carries the same with `isRedelivery` set. A request may hold several.',
    ['json:destination'],
  ),
  NYLAS: perEvent(
    'json:id',
    'The unique id of the notification; `webhook_delivery_attempt` beside it counts on.',
  ),
};
