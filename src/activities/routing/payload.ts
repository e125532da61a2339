import {
  requestParts,
  type RawRequest,
  type RequestParts,
} from '../../verification/request-parts.ts';

/** What a rule sees and changes: the request as bytes. */
export type Payload = RawRequest;

/** A payload as filters, deduplication and user code see it; parsed once, when first asked for. */
export type SeenPayload = Payload & {
  /** Whether a transformation made it. */
  changed: boolean;
  parts(): RequestParts;
};

export function seen(payload: Payload, { changed }: { changed: boolean }): SeenPayload {
  let parts: RequestParts | undefined;
  return { ...payload, changed, parts: () => (parts ??= requestParts(payload)) };
}
