import { perDelivery, perEvent, standardId, unpromised } from './define.ts';

/** By what deliveries of the providers in ../developer-tools.ts are known when they come again. */
export const ids = {
  GITHUB: perEvent(
    'header:x-github-delivery',
    'Unique for the event, shared by the deliveries for all webhooks that subscribe to it; a redelivery keeps it.',
    ['header:x-github-hook-id'],
  ),
  GITLAB: perDelivery(
    ['header:idempotency-key', 'header:webhook-id'],
    'A unique id that stays the same across retries of the webhook.',
  ),
  BITBUCKET: unpromised(
    ['header:x-request-uuid', 'header:x-request-id'],
    'A UUID of the request; what its retries and other webhooks of the event carry is not documented.',
    ['header:x-hook-uuid', 'header:x-event-key'],
  ),
  JIRA: perDelivery(
    'header:x-atlassian-webhook-identifier',
    'Unique within a tenant, and the same across retries: for finding duplicates.',
  ),
  LINEAR: perDelivery(
    'header:linear-delivery',
    'A UUID that identifies the payload; `webhookTimestamp` in the body changes when it is sent again.',
    ['json:webhookId'],
  ),
  VERCEL: perDelivery('json:id', 'The id of the delivery of the webhook.'),
  CIRCLECI: perEvent('json:id', 'An id that uniquely identifies each event of the system.', [
    'json:webhook.id',
  ]),
  SENTRY: unpromised(
    'header:request-id',
    'An id of the request; what it is for is not documented.',
    ['header:sentry-hook-resource'],
  ),
  PAGERDUTY: perEvent(
    'json:event.id',
    'The unique id of the event, which is sent once for each subscription.',
    ['header:x-webhook-subscription'],
  ),
  MERAKI: unpromised('json:alertId', 'An id of the alert; test messages all carry zeros.'),
  AWS_SNS: perDelivery(
    ['json:MessageId', 'header:x-amz-sns-message-id'],
    'Unique for each message that is published; a message that is sent again keeps it.',
  ),
  GOOGLE_PUBSUB: perEvent(
    ['json:message.messageId', 'header:x-goog-pubsub-message-id'],
    'Unique within the topic; `deliveryAttempt` beside it counts on. Each subscription of the topic sends the message.',
    ['json:subscription', 'header:x-goog-pubsub-subscription-name'],
  ),
  CURSOR: perDelivery('header:x-webhook-id', 'The unique id of the delivery.'),
  CLAUDE: standardId,
  OPENAI: standardId,
  REPLICATE: standardId,
  GEMINI: standardId,
  SVIX: standardId,
  CLERK: standardId,
  RESEND: standardId,
  OKTA: perEvent(
    ['json:data.events.*.uuid', 'json:eventId'],
    'The unique id of each event in the system log. A request may hold several, and each hook sends its own.',
    ['json:source'],
  ),
  WORKOS: perEvent('json:id', 'The unique id of the event, to be used against duplicates.'),
  SANITY: perDelivery(
    'header:idempotency-key',
    'A unique key of the delivery; retries carry the same.',
  ),
  ALCHEMY: perEvent('json:id', 'The unique id of the event; retries carry the same.', [
    'json:webhookId',
  ]),
};
