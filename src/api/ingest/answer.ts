import type { ServerResponse } from 'node:http';
import { ERRORS, type ErrorCode } from '../../domain/errors.ts';

/** An answer to a sender: complete, and small. */
export type Answer = { status: number; headers: Record<string, string>; body: string };

// What a source answers may be somebody else's text: no browser makes a page of it that could act for the gateway.
const HARMLESS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
};

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };

export function accepted(requestId: string, headers: Record<string, string> = {}): Answer {
  const body = { status: 'SUCCESS', message: 'The request is stored.', request_id: requestId };
  return { status: 200, headers: { ...JSON_HEADERS, ...headers }, body: JSON.stringify(body) };
}

/** An error in the shape that the whole API has. */
export function refusal(
  code: ErrorCode,
  message: string,
  { data = null, headers = {} }: { data?: unknown; headers?: Record<string, string> } = {},
): Answer {
  const { status } = ERRORS[code];
  const body = JSON.stringify({ code, status, message, data });
  return { status, headers: { ...JSON_HEADERS, ...headers }, body };
}

/** Storage cannot take more now: the sender is asked to come again soon. Never 429: senders treat it differently. */
export function unavailable(): Answer {
  return refusal('SERVICE_UNAVAILABLE', 'The request could not be stored. Send it again.', {
    headers: { 'retry-after': '2' },
  });
}

/** What the sender of a body that came too slowly is told. */
export function tooSlow(): Answer {
  return refusal('REQUEST_TIMEOUT', 'The body arrived too slowly. Send it again.');
}

/** What the sender of a body in thousands of pieces of a few bytes is told. */
export function tooFine(): Answer {
  return refusal('BAD_REQUEST', 'The body arrived in too many tiny pieces. Send larger ones.');
}

/** What the sender of a body beyond the limit is told. */
export function tooLarge(maxBytes: number): Answer {
  const limit = `${Math.floor(maxBytes / 1024 / 1024)} MiB`;
  return refusal('PAYLOAD_TOO_LARGE', `The body exceeds the limit of ${limit}.`, {
    headers: { connection: 'close' },
  });
}

export function write(res: ServerResponse, { status, headers, body }: Answer): void {
  if (status === 204) {
    // An answer without content says nothing about its content (RFC 9110, section 8.6).
    const { 'content-type': _type, ...others } = headers;
    res.writeHead(status, { ...HARMLESS, ...others }).end();
    return;
  }
  res.writeHead(status, {
    ...HARMLESS,
    ...headers,
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
}
