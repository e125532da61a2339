import type { ErrorBody } from '../../domain/schema/error.ts';
import { type ErrorCode, ERRORS } from '../../domain/errors.ts';
import { EXAMPLE_ID } from '../examples/ids.ts';
import type { Json } from './schemas.ts';

type Refusal = {
  /** The name of the component. */
  name: string;
  description: string;
  headers?: Json;
  /** Absent for 401, which is plain text. */
  examples?: Record<string, ErrorBody>;
};

const RETRY_AFTER = {
  'retry-after': { description: 'Seconds to wait.', schema: { type: 'integer' }, example: 2 },
};
const ALLOW = {
  allow: { description: 'The methods that are accepted.', schema: { type: 'string' } },
};

const REFUSALS = {
  400: {
    name: 'BadRequest',
    description: 'The request cannot be read, or what it names is not in a state that allows it.',
    examples: {
      unreadable: fault('BAD_REQUEST', 'The body is not valid JSON: unexpected end.'),
      ineligible: fault(
        'BAD_REQUEST',
        'The event is SUCCESSFUL: there is nothing left to cancel.',
        {
          event_id: EXAMPLE_ID.event,
        },
      ),
    },
  },
  401: {
    name: 'Unauthorized',
    description: 'There is no API key, or it is not valid. The body is the text `Unauthorized`.',
    headers: {
      'www-authenticate': {
        description: 'How to authenticate.',
        schema: { type: 'string' },
        example: 'Basic realm="sluice", Bearer',
      },
    },
  },
  403: {
    name: 'Forbidden',
    description: 'A page of another origin sent the request from a browser.',
    examples: {
      foreignPage: fault('FORBIDDEN', 'A page of another origin may not do this.', {
        origin: 'https://elsewhere.example.com',
      }),
    },
  },
  404: {
    name: 'NotFound',
    description: 'Nothing has this id.',
    examples: { notFound: fault('NOT_FOUND', 'Not Found', { id: EXAMPLE_ID.source }) },
  },
  405: {
    name: 'MethodNotAllowed',
    description: 'This method is not accepted here.',
    headers: ALLOW,
    examples: {
      method: fault('METHOD_NOT_ALLOWED', 'This source takes POST, PUT, PATCH, DELETE.'),
    },
  },
  408: {
    name: 'RequestTimeout',
    description: 'The request did not arrive in time.',
    examples: {
      slow: fault(
        'REQUEST_TIMEOUT',
        'The request did not arrive completely in time. Send it again.',
      ),
    },
  },
  409: {
    name: 'Conflict',
    description:
      'The name is taken, the resource is in use, or something it needs is disabled or was deleted. `data` names what stands in the way.',
    examples: {
      exists: fault(
        'RESOURCE_ALREADY_EXISTS',
        `A source named "shop" exists already: ${EXAMPLE_ID.source}. To change it, use PUT /sources/${EXAMPLE_ID.source}; otherwise choose another name.`,
        { id: EXAMPLE_ID.source, resource_type: 'source' },
      ),
      inUse: fault(
        'RESOURCE_IN_USE',
        'The transformation is used by orders. Remove it from their rules first.',
        { connections: [{ id: EXAMPLE_ID.connection, name: 'orders' }] },
      ),
      disabled: fault(
        'CONFLICT',
        `The event cannot be retried: the destination "billing" (${EXAMPLE_ID.destination}) is disabled. Enable it first: PUT /destinations/${EXAMPLE_ID.destination}/enable.`,
        { id: EXAMPLE_ID.destination, resource_type: 'destination', reason: 'disabled' },
      ),
    },
  },
  410: {
    name: 'Gone',
    description: 'The resource was deleted.',
    examples: { deleted: fault('GONE', 'Resource was deleted', { deleted: true }) },
  },
  413: {
    name: 'ContentTooLarge',
    description: 'The body is too large.',
    examples: { tooLarge: fault('PAYLOAD_TOO_LARGE', 'The body must be at most 1 MB.') },
  },
  415: {
    name: 'UnsupportedMediaType',
    description: 'The body is not declared as JSON in UTF-8.',
    examples: {
      type: fault(
        'UNSUPPORTED_MEDIA_TYPE',
        'The body must be JSON in UTF-8: send it with content-type application/json.',
      ),
    },
  },
  421: {
    name: 'MisdirectedRequest',
    description: 'The API does not answer under this host name.',
    examples: {
      host: fault(
        'MISDIRECTED_REQUEST',
        'The API is not served under the host sluice.internal. Set PUBLIC_URL or add the name to ALLOWED_HOSTS.',
        { host: 'sluice.internal' },
      ),
    },
  },
  422: {
    name: 'UnprocessableEntity',
    description: 'A field or parameter is not valid. `data` has a sentence for each of them.',
    examples: {
      fields: fault(
        'UNPROCESSABLE_ENTITY',
        'body.name is required; body.config.url must be an http or https URL.',
        ['body.name is required', 'body.config.url must be an http or https URL'],
      ),
    },
  },
  429: {
    name: 'TooManyRequests',
    description: 'Too many wrong API keys came from this address. Valid keys are never slowed.',
    headers: RETRY_AFTER,
    examples: {
      wrongKeys: fault(
        'TOO_MANY_REQUESTS',
        'Too many wrong API keys came from this address. Correct the key and try again.',
      ),
    },
  },
  500: {
    name: 'InternalServerError',
    description: 'Sluice failed. Its log has the cause.',
    examples: {
      internal: fault('INTERNAL_ERROR', 'Something went wrong on our side; it is in the log.'),
    },
  },
  503: {
    name: 'ServiceUnavailable',
    description: 'PostgreSQL does not answer, or cannot accept more at the moment. Try again.',
    headers: RETRY_AFTER,
    examples: {
      database: fault('SERVICE_UNAVAILABLE', 'The database cannot be reached; try again.'),
    },
  },
} satisfies Record<number, Refusal>;

/** A status that an error of the gateway has. */
export type RefusalStatus = keyof typeof REFUSALS;

/** The error answers that operations share, by the name of their component. */
export function refusalComponents(error: Json): Json {
  return Object.fromEntries(
    Object.values<Refusal>(REFUSALS).map(({ name, description, headers, examples }) => [
      name,
      {
        description,
        ...(headers && { headers }),
        content: examples
          ? { 'application/json': { schema: error, examples: asExamples(examples) } }
          : { 'text/plain': { schema: { type: 'string' }, example: 'Unauthorized' } },
      },
    ]),
  );
}

/** References to the error answers of an operation. */
export function refusals(statuses: readonly RefusalStatus[]): Json {
  return Object.fromEntries(
    statuses.map((status) => [status, { $ref: `#/components/responses/${REFUSALS[status].name}` }]),
  );
}

function asExamples(bodies: Record<string, ErrorBody>): Json {
  return Object.fromEntries(Object.entries(bodies).map(([name, value]) => [name, { value }]));
}

function fault(code: ErrorCode, message: string, data: unknown = null): ErrorBody {
  return { code, status: ERRORS[code].status, message, data };
}
