import type { ErrorRequestHandler, Response } from 'express';
import { isTimeout } from '../db/faults.ts';
import { type ErrorCode, GatewayError } from '../domain/errors.ts';
import type { ErrorBody } from '../domain/schema/error.ts';
import { pathText, type Problem } from '../domain/schema/problem.ts';
import type { ApiLog } from './deps.ts';

const UNIQUE_VIOLATION = '23505';
// What PostgreSQL says while it starts, stops or cannot be reached, and what the driver says then.
const UNAVAILABLE = /^(?:57P0[123]|53300|08\d{3}|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOENT)$/;
const RETRY_AFTER_SECONDS = 2;

/** A 422 that names every wrong field: `data` holds a sentence for each. */
export function invalid(root: string, problems: Problem[]): GatewayError {
  const data = problems.map(({ path, message }) => `${pathText(root, path)} ${message}`);
  return new GatewayError('UNPROCESSABLE_ENTITY', `${data.join('; ')}.`, { data });
}

export function notFound(id: string): GatewayError {
  return new GatewayError('NOT_FOUND', 'Not Found', { data: { id } });
}

export function gone(): GatewayError {
  return new GatewayError('GONE', 'Resource was deleted', { data: { deleted: true } });
}

/** A 409 for a name that another resource of this kind has; without an id where that one cannot be told. */
export function exists(kind: string, owner: { id: string; name: string | null } | null) {
  const taken = owner
    ? `A ${kind} named "${owner.name}" exists already: ${owner.id}. To change it, use PUT /${kind}s/${owner.id}; otherwise choose another name.`
    : `A ${kind} of this name exists already. To change it, use PUT; otherwise choose another name.`;
  return new GatewayError('RESOURCE_ALREADY_EXISTS', taken, {
    data: { id: owner?.id ?? null, resource_type: kind },
  });
}

/** Answers with a fault of the closed set; a 401 is plain text, as clients expect it. */
export function sendError(response: Response, error: GatewayError): void {
  if (error.code === 'UNAUTHORIZED') {
    response.set('www-authenticate', 'Basic realm="sluice", Bearer');
    response.status(401).type('text/plain').send('Unauthorized');
    return;
  }
  if (error.status === 503 || error.status === 429) {
    response.set('retry-after', `${RETRY_AFTER_SECONDS}`);
  }
  const { code, status, message, data } = error;
  response.status(status).json({ code, status, message, data } satisfies ErrorBody);
}

/** The last handler: whatever was thrown becomes an answer, and what we did not foresee is logged. */
export function errorHandler(log: ApiLog): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const fault = faultOf(error);
    if (fault.code === 'INTERNAL_ERROR' || fault.code === 'SERVICE_UNAVAILABLE') {
      log.error({ err: error, method: request.method, path: request.path }, 'Request failed');
    }
    sendError(response, fault);
  };
}

function faultOf(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const { code, type, status } = (error ?? {}) as { code?: string; type?: string; status?: number };
  const known = faultOfBody(type ?? '') ?? faultOfDatabase(code ?? '');
  if (known) return known;
  if (isTimeout(error)) {
    const message = 'The database did not respond in time. Try again.';
    return new GatewayError('SERVICE_UNAVAILABLE', message);
  }
  if (error instanceof URIError || status === 400) {
    return new GatewayError('BAD_REQUEST', 'The request could not be read.');
  }
  return new GatewayError('INTERNAL_ERROR', 'Something went wrong on our side; it is in the log.');
}

function faultOfBody(type: string): GatewayError | null {
  const table: Record<string, [ErrorCode, string]> = {
    'entity.too.large': ['PAYLOAD_TOO_LARGE', 'The body must be at most 1 MB.'],
    'encoding.unsupported': ['UNSUPPORTED_MEDIA_TYPE', 'The content encoding is not known.'],
    'request.aborted': ['BAD_REQUEST', 'The request ended before its body did.'],
    'request.size.invalid': ['BAD_REQUEST', 'The body is not as long as its content-length.'],
  };
  const found = table[type];
  return found ? new GatewayError(...found) : null;
}

function faultOfDatabase(code: string): GatewayError | null {
  // Two callers made the same thing at the same time: the second one hears what it would have heard a moment later.
  if (code === UNIQUE_VIOLATION) return exists('resource', null);
  if (!UNAVAILABLE.test(code)) return null;
  return new GatewayError('SERVICE_UNAVAILABLE', 'The database cannot be reached; try again.');
}
