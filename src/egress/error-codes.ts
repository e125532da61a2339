import { errors } from 'undici';
import { AttemptErrorCode } from '../domain/outcome.ts';

export type Fault = { errorCode: AttemptErrorCode; message: string };

/** What each code means to a tenant. The network's own messages name addresses, so they are never shown. */
const SENTENCES = {
  TIMEOUT: 'The destination did not answer in time.',
  CONNECTION_REFUSED: 'The destination refused the connection.',
  CONNECTION_RESET: 'The destination reset the connection.',
  SOCKET_CLOSED: 'The destination closed the connection before its answer was complete.',
  DNS_LOOKUP_FAILED: "The destination's host name could not be resolved.",
  HOST_UNREACHABLE: "The destination's host could not be reached.",
  NETWORK_UNREACHABLE: "The destination's network could not be reached.",
  SELF_SIGNED_CERT: "The destination's certificate is self-signed.",
  ERR_TLS_CERT_ALTNAME_INVALID: "The destination's certificate is for another host name.",
  ERR_SSL_WRONG_VERSION_NUMBER: 'The destination does not speak TLS on this port.',
  SSL_ERROR_CA_UNKNOWN: "The destination's certificate comes from an unknown authority.",
  SSL_CERT_EXPIRED: "The destination's certificate is not valid at this time.",
  UNABLE_TO_GET_ISSUER_CERT: "The issuer of the destination's certificate could not be verified.",
  PROTOCOL_ERROR: "The destination's answer is not valid HTTP or TLS.",
  INVALID_CHARACTER: 'A header of the request holds a character that HTTP does not allow.',
  NETWORK_REQUEST_CANCELED: 'The request was cancelled before an answer came.',
  NETWORK_ERROR: 'The connection to the destination failed.',
  UNKNOWN: 'The request failed for an unknown reason.',
} as const satisfies Partial<Record<AttemptErrorCode, string>>;
type NetworkCode = keyof typeof SENTENCES;

const CODES: Record<string, NetworkCode> = {
  ETIMEDOUT: 'TIMEOUT',
  UND_ERR_CONNECT_TIMEOUT: 'TIMEOUT',
  UND_ERR_HEADERS_TIMEOUT: 'TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'TIMEOUT',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'TIMEOUT',
  ECONNREFUSED: 'CONNECTION_REFUSED',
  ECONNRESET: 'CONNECTION_RESET',
  ECONNABORTED: 'CONNECTION_RESET',
  EPIPE: 'CONNECTION_RESET',
  UND_ERR_SOCKET: 'SOCKET_CLOSED',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'SOCKET_CLOSED',
  ERR_STREAM_PREMATURE_CLOSE: 'SOCKET_CLOSED',
  ENOTFOUND: 'DNS_LOOKUP_FAILED',
  ENODATA: 'DNS_LOOKUP_FAILED',
  ESERVFAIL: 'DNS_LOOKUP_FAILED',
  EFORMERR: 'DNS_LOOKUP_FAILED',
  EREFUSED: 'DNS_LOOKUP_FAILED',
  ENOTIMP: 'DNS_LOOKUP_FAILED',
  EBADNAME: 'DNS_LOOKUP_FAILED',
  EBADRESP: 'DNS_LOOKUP_FAILED',
  ETIMEOUT: 'DNS_LOOKUP_FAILED',
  ECANCELLED: 'DNS_LOOKUP_FAILED',
  EHOSTUNREACH: 'HOST_UNREACHABLE',
  EHOSTDOWN: 'HOST_UNREACHABLE',
  ENETUNREACH: 'NETWORK_UNREACHABLE',
  ENETDOWN: 'NETWORK_UNREACHABLE',
  EADDRNOTAVAIL: 'NETWORK_UNREACHABLE',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'SELF_SIGNED_CERT',
  SELF_SIGNED_CERT_IN_CHAIN: 'SELF_SIGNED_CERT',
  ERR_TLS_CERT_ALTNAME_INVALID: 'ERR_TLS_CERT_ALTNAME_INVALID',
  ERR_SSL_WRONG_VERSION_NUMBER: 'ERR_SSL_WRONG_VERSION_NUMBER',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'ERR_SSL_WRONG_VERSION_NUMBER',
  CERT_UNTRUSTED: 'SSL_ERROR_CA_UNKNOWN',
  INVALID_CA: 'SSL_ERROR_CA_UNKNOWN',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'SSL_ERROR_CA_UNKNOWN',
  CERT_HAS_EXPIRED: 'SSL_CERT_EXPIRED',
  CERT_NOT_YET_VALID: 'SSL_CERT_EXPIRED',
  UNABLE_TO_GET_ISSUER_CERT: 'UNABLE_TO_GET_ISSUER_CERT',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'UNABLE_TO_GET_ISSUER_CERT',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'UNABLE_TO_GET_ISSUER_CERT',
  UND_ERR_HEADERS_OVERFLOW: 'PROTOCOL_ERROR',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'PROTOCOL_ERROR',
  EPROTO: 'PROTOCOL_ERROR',
  UND_ERR_INVALID_ARG: 'INVALID_CHARACTER',
  UND_ERR_NOT_SUPPORTED: 'INVALID_CHARACTER',
  ERR_INVALID_CHAR: 'INVALID_CHARACTER',
  UND_ERR_ABORTED: 'NETWORK_REQUEST_CANCELED',
  UND_ERR_CLOSED: 'NETWORK_REQUEST_CANCELED',
  UND_ERR_DESTROYED: 'NETWORK_REQUEST_CANCELED',
};

const FAMILIES: [prefix: string, code: NetworkCode][] = [
  ['EAI_', 'DNS_LOOKUP_FAILED'],
  ['HPE_', 'PROTOCOL_ERROR'],
  ['ERR_SSL_', 'PROTOCOL_ERROR'],
  ['ERR_TLS_', 'PROTOCOL_ERROR'],
  ['CERT_', 'UNABLE_TO_GET_ISSUER_CERT'],
  ['CRL_', 'UNABLE_TO_GET_ISSUER_CERT'],
  ['UNABLE_TO_', 'UNABLE_TO_GET_ISSUER_CERT'],
  ['UND_ERR', 'NETWORK_ERROR'],
  ['E', 'NETWORK_ERROR'],
];

/** Turns any error of node, its resolver, OpenSSL or undici into a code and a sentence; never throws. */
export function faultOf(error: unknown, { hasStatus = true } = {}): Fault {
  const code = !hasStatus && isLengthMismatch(error) ? 'PROTOCOL_ERROR' : networkCode(error);
  return { errorCode: code, message: SENTENCES[code] };
}

/** Of a body this means that it broke off; undici says it of a head that it cannot read, too. */
function isLengthMismatch(error: unknown): boolean {
  return error instanceof errors.ResponseContentLengthMismatchError;
}

export function timeoutFault(timeoutMs: number): Fault {
  const message = `The destination did not respond within ${timeoutMs / 1000} s.`;
  return { errorCode: AttemptErrorCode.Timeout, message };
}

function networkCode(error: unknown): NetworkCode {
  if (error instanceof errors.HTTPParserError) return parserCode(error);
  const code = codeOf(error);
  if (code === null) return 'UNKNOWN';
  // undici has one code for every unusable answer; only its text tells "not HTTP" from "closed".
  if (error instanceof errors.SocketError && error.message.startsWith('bad ')) {
    return 'PROTOCOL_ERROR';
  }
  if (Object.hasOwn(CODES, code)) return CODES[code] ?? 'UNKNOWN';
  return FAMILIES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'UNKNOWN';
}

/** undici 8.12 leaves the parser's code undefined, so that its text must do. */
function parserCode({ code, message }: Error & { code?: unknown }): NetworkCode {
  const isCutOff = code === 'HPE_INVALID_EOF_STATE' || message.includes('Invalid EOF state');
  return isCutOff ? 'SOCKET_CLOSED' : 'PROTOCOL_ERROR';
}

function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Several addresses were tried and each failed: the first failure stands for all.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error.cause === undefined ? null : codeOf(error.cause);
}
