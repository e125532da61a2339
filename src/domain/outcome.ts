import type { RetryAfter } from './retry.ts';

/** Why an attempt brought no answer, or none that counts. An answer other than 2xx has no code: its status says it. */
export const AttemptErrorCode = {
  BadResponse: 'BAD_RESPONSE',
  Cancelled: 'CANCELLED',
  Timeout: 'TIMEOUT',
  NotFound: 'NOT_FOUND',
  CancelledPastRetention: 'CANCELLED_PAST_RETENTION',
  ConnectionRefused: 'CONNECTION_REFUSED',
  ConnectionReset: 'CONNECTION_RESET',
  MissingUrl: 'MISSING_URL',
  Cli: 'CLI',
  CliUnavailable: 'CLI_UNAVAILABLE',
  CliBinaryUnsupported: 'CLI_BINARY_UNSUPPORTED',
  SelfSignedCert: 'SELF_SIGNED_CERT',
  TlsCertAltnameInvalid: 'ERR_TLS_CERT_ALTNAME_INVALID',
  SslWrongVersionNumber: 'ERR_SSL_WRONG_VERSION_NUMBER',
  NetworkError: 'NETWORK_ERROR',
  NetworkRequestCanceled: 'NETWORK_REQUEST_CANCELED',
  NetworkUnreachable: 'NETWORK_UNREACHABLE',
  TooManyRedirects: 'TOO_MANY_REDIRECTS',
  InvalidCharacter: 'INVALID_CHARACTER',
  InvalidUrl: 'INVALID_URL',
  SslCaUnknown: 'SSL_ERROR_CA_UNKNOWN',
  DataArchived: 'DATA_ARCHIVED',
  SslCertExpired: 'SSL_CERT_EXPIRED',
  BulkRetryCancelled: 'BULK_RETRY_CANCELLED',
  DnsLookupFailed: 'DNS_LOOKUP_FAILED',
  HostUnreachable: 'HOST_UNREACHABLE',
  InternalError: 'INTERNAL_ERROR',
  ProtocolError: 'PROTOCOL_ERROR',
  PayloadMissing: 'PAYLOAD_MISSING',
  UnableToGetIssuerCert: 'UNABLE_TO_GET_ISSUER_CERT',
  SocketClosed: 'SOCKET_CLOSED',
  Oauth2HandshakeFailed: 'OAUTH2_HANDSHAKE_FAILED',
  ZDataError: 'Z_DATA_ERROR',
  /** Ours: the address is private, or one of the gateway's own. One code for all, so that it tells nothing of the network. */
  DestinationNotAllowed: 'DESTINATION_NOT_ALLOWED',
  Unknown: 'UNKNOWN',
} as const;
export type AttemptErrorCode = (typeof AttemptErrorCode)[keyof typeof AttemptErrorCode];

/** One header as it stands on the wire: name in its own case, value as latin1 text. */
export type Header = [name: string, value: string];

/** An attempt that went out. It may have reached the destination whatever it says. */
export type SentAttempt = {
  kind: 'delivered' | 'failed';
  responseStatus: number | null;
  responseHeaders: Header[];
  /** The first 16 kB, as they came (never decompressed). */
  responseBody: Buffer;
  /** Whether that is not all of it: it was longer, or broke off. */
  bodyTruncated: boolean;
  /** Null when an answer came, whatever its status and whatever became of its body. */
  errorCode: AttemptErrorCode | null;
  /** The error, or what else is to be said, in sentences fit for the tenant: no resolved address, no internal name. */
  message: string | null;
  startedAtMs: number;
  /** When the whole request had been handed to the socket. */
  deliveredAtMs: number | null;
  /** When the answer's headers were in. */
  respondedAtMs: number | null;
  /** From the call to the end of the answer (or to the deadline). */
  latencyMs: number;
  retryAfter: RetryAfter | null;
  /** Where a redirect pointed to; redirects are not followed. */
  location: string | null;
};

/** An attempt of which not one byte was sent. */
export type RefusedAttempt = { kind: 'refused'; errorCode: AttemptErrorCode; message: string };

export type AttemptOutcome = SentAttempt | RefusedAttempt;

// The three forms of RFC 9110 §5.6.7; Date.parse alone would take "1" or "2026" for a date.
const HTTP_DATE =
  /^(?:\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT|\w{6,9}, \d{2}-\w{3}-\d{2} \d{2}:\d{2}:\d{2} GMT|\w{3} \w{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4})$/;
const SECONDS = /^\d+(?:\.\d+)?$/;
// What is as large as this is a time since 1970, in seconds or milliseconds, and no wait of thirty years.
const LEAST_EPOCH_S = 1e9;
const LEAST_EPOCH_MS = 1e12;

/**
 * Reads a `Retry-After`: seconds (fractions allowed), an HTTP date, or -1 for "no more"; a time since 1970, which some
 * send, is read as one. Anything else is null. How long is too long is for the caller to say.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): RetryAfter | null {
  const text = value?.trim();
  if (text === undefined) return null;
  if (text === '-1') return { kind: 'stop' };
  if (SECONDS.test(text) && Number.isFinite(Number(text)))
    return { kind: 'at-least', ms: waitMs(Number(text), nowMs) };
  if (!HTTP_DATE.test(text)) return null;
  const dateMs = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(dateMs) ? null : { kind: 'at-least', ms: Math.max(0, dateMs - nowMs) };
}

function waitMs(value: number, nowMs: number): number {
  if (value < LEAST_EPOCH_S) return Math.ceil(value * 1000);
  const atMs = value < LEAST_EPOCH_MS ? value * 1000 : value;
  return Math.max(0, Math.ceil(atMs - nowMs));
}
