/** Every error the gateway answers with: its HTTP status. A code that is not listed does not compile. */
export const ERRORS = {
  BAD_REQUEST: { status: 400 },
  UNAUTHORIZED: { status: 401 },
  VERIFICATION_FAILED: { status: 401 },
  FORBIDDEN: { status: 403 },
  NOT_FOUND: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  REQUEST_TIMEOUT: { status: 408 },
  RESOURCE_ALREADY_EXISTS: { status: 409 },
  RESOURCE_IN_USE: { status: 409 },
  CONFLICT: { status: 409 },
  GONE: { status: 410 },
  PAYLOAD_TOO_LARGE: { status: 413 },
  UNSUPPORTED_MEDIA_TYPE: { status: 415 },
  MISDIRECTED_REQUEST: { status: 421 },
  UNPROCESSABLE_ENTITY: { status: 422 },
  TOO_MANY_REQUESTS: { status: 429 },
  INTERNAL_ERROR: { status: 500 },
  SERVICE_UNAVAILABLE: { status: 503 },
} as const satisfies Record<string, { status: number }>;
export type ErrorCode = keyof typeof ERRORS;

/** A fault the caller can be told of: a code of the closed set, a sentence with the remedy, data for machines. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly data: unknown;

  constructor(code: ErrorCode, message: string, options: { data?: unknown; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.data = options.data ?? null;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
