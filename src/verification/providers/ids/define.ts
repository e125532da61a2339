import type { Place } from '../../engine/place.ts';

/** What an id is one of. Only where its provider says that it is, two requests with one id are taken for the same. */
export const Unique = {
  /** One of every delivery, which keeps it when it is sent again. */
  DELIVERY: 'per delivery',
  /** One of every event. Of an event that is sent for several subscriptions, each is told apart by what stands beside. */
  EVENT: 'per event',
  /** Not promised, or not documented: the digest of the body counts as well. */
  NOTHING: 'not promised',
} as const;
export type Unique = (typeof Unique)[keyof typeof Unique];

/** The id by which a provider's delivery is known when it comes again, and why it may be believed. */
export type DeliveryId = {
  /** Where it stands; the first place that has one counts. With `*` it is the ids of all entries of a batch, together. */
  at: readonly Place[];
  unique: Unique;
  /** What has to be the same too, where it is there: the subscription an event was sent for, the time of a short-lived id. */
  beside: readonly Beside[];
  /** What the provider says of it, in a sentence. */
  promise: string;
};

/** A place, or the address below the source's own, which tells subscriptions apart too. */
type Beside = Place | 'address';

type At = Place | readonly Place[];

/** An id that a delivery keeps when it is sent again, and no other has. */
export function perDelivery(at: At, promise: string, beside: readonly Beside[] = []): DeliveryId {
  return { at: [at].flat(), unique: Unique.DELIVERY, beside, promise };
}

/** An id of an event. What may differ between a delivery and its repeat (attempts, times of sending) must not count. */
export function perEvent(at: At, promise: string, beside: readonly Beside[] = []): DeliveryId {
  return { at: [at].flat(), unique: Unique.EVENT, beside, promise };
}

/** An id that may stand for several deliveries: the body has to be the same too. */
export function unpromised(at: At, promise: string, beside: readonly Beside[] = []): DeliveryId {
  return { at: [at].flat(), unique: Unique.NOTHING, beside, promise };
}

/** Where Standard Webhooks carry the id of a message, under either of their names. */
export const standardId = perDelivery(
  ['header:webhook-id', 'header:svix-id'],
  'Standard Webhooks: the unique identifier of the message, the same whenever it is sent again.',
);
