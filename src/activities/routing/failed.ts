import type { RoutingVerdict } from '../../db/commit-routing.ts';
import { isDataFault } from '../../db/faults.ts';
import { RejectionCause } from '../../domain/status.ts';

const LONGEST_REASON = 500;

/** Why a request could not be routed; it is kept, and may be retried. */
const FailedReason = {
  /** PostgreSQL refused a value that it or its code brought, or it is too long to be written. */
  NotStorable: 'NOT_STORABLE',
  /** The rules of a connection broke on it. */
  NotPlanned: 'NOT_PLANNED',
  /** The process died while it was routed, again and again. */
  ProcessDied: 'PROCESS_DIED',
} as const;

export function notStorable(requestId: string, error: unknown): RoutingVerdict {
  const { message } = error as Error;
  return failed(requestId, FailedReason.NotStorable, `The result could not be stored: ${message}`);
}

export function notPlanned(requestId: string, error: unknown): RoutingVerdict {
  return failed(requestId, FailedReason.NotPlanned, String(error));
}

export function processDied(requestId: string, { times }: { times: number }): RoutingVerdict {
  const hint = `The process ended ${times} times while it routed this request alone. Retry it once the cause is mended.`;
  return failed(requestId, FailedReason.ProcessDied, hint);
}

function failed(requestId: string, reason: string, hint: string): RoutingVerdict {
  const detail = { reason, hint: hint.slice(0, LONGEST_REASON) };
  return { requestId, rejectionCause: RejectionCause.RoutingFailed, detail };
}

/** Whether a plan broke on the request itself, and not because something is away. */
export function isFaultOfRequest(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (isDataFault(error)) return true;
  // What the engine throws where a text gets too long or a value too deep; what is away throws plain errors.
  return (
    error instanceof RangeError ||
    error instanceof TypeError ||
    error instanceof SyntaxError ||
    error instanceof URIError ||
    isTooLong(error)
  );
}

/** Whether a plan could not be written for what it holds, and not because something is away. */
export function isNotStorable(error: unknown): boolean {
  return error instanceof Error && (isDataFault(error) || isTooLong(error));
}

/** Whether a text got longer than any that the engine can hold. */
function isTooLong(error: Error): boolean {
  return (
    ('code' in error && error.code === 'ERR_STRING_TOO_LONG') ||
    error.message === 'Invalid string length'
  );
}
