import { perEvent, unpromised } from './define.ts';

/** By what deliveries of the providers in ../business.ts are known when they come again. */
export const ids = {
  TYPEFORM: perEvent(
    'json:event_id',
    'A unique id of the notification, assigned by Typeform; its retries carry the same.',
  ),
  TALLY: unpromised('json:eventId', 'An id of the event; what a retry carries is not documented.'),
  NOTION: perEvent(
    'json:id',
    'The unique id of the event, by which deliveries can be told to be the same; `attempt_number` beside it counts on.',
    ['json:subscription_id'],
  ),
  TRELLO: perEvent(
    'json:action.id',
    'The unique id of the action. One action is sent once for each webhook, to its own address, and for each watched model.',
    ['json:webhook.id', 'json:model.id', 'address'],
  ),
  FAVRO: unpromised('json:payloadId', 'An id of the payload, and all that is signed of it.'),
};
