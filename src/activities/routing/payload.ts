import {
  bodyAsWritten,
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
  /** The body with its numbers as they were written. */
  writtenBody(): unknown;
};

export function seen(payload: Payload, { changed }: { changed: boolean }): SeenPayload {
  let parsed: RequestParts | undefined;
  const parts = () => (parsed ??= requestParts(payload));
  let written: unknown;
  const writtenBody = () => (written ??= bodyAsWritten(payload, parts()));
  return { ...payload, changed, parts, writtenBody };
}
