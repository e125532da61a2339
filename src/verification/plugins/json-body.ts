import { parsedJson } from '../engine/place.ts';
import { signedBody, type Received } from '../received.ts';

/** The members of a JSON body; null where it is none, cannot be decoded, or is larger than 1 MiB. */
export function jsonBody(received: Received): Record<string, unknown> | null {
  const body = signedBody(received, { over: 'decoded' });
  const value = body === null ? undefined : parsedJson(body);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}

/** The members of a value; none where it has none. */
export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
