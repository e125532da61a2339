import { UNVERIFIED } from '../../verification/answers.ts';
import { EXAMPLE_ID } from '../examples/ids.ts';
import type { Outside } from '../openapi/outside.ts';

const METHODS = ['post', 'put', 'patch', 'delete', 'get'] as const;

const accepted = {
  status: 'SUCCESS',
  message: 'The request is stored.',
  request_id: EXAMPLE_ID.request,
};
const acknowledgement = { $ref: '#/components/schemas/Acknowledgement' };
/** The acknowledgement first: clients that are made from the document have its fields. */
const answerSchema = {
  description: 'The acknowledgement, or the answer that the source or its provider wants.',
  anyOf: [
    acknowledgement,
    {
      type: ['object', 'array', 'string', 'number', 'boolean', 'null'],
      description: 'Any JSON that `custom_response` of the source or its provider asks for.',
      additionalProperties: true,
    },
  ],
};
const body = {
  description:
    'Anything, of any content type, up to 10 MiB. It is stored and delivered byte for byte.',
  required: false,
  content: {
    'application/json': { schema: {}, example: { type: 'invoice.paid', amount: 1200 } },
    '*/*': { schema: {} },
  },
};
const source = {
  name: 'source',
  in: 'path',
  required: true,
  description: 'The id or the name of the source.',
  schema: { type: 'string' },
  example: EXAMPLE_ID.source,
};
const path = {
  name: 'path',
  in: 'path',
  required: true,
  description: 'Any path, slashes included. By default it follows the path of the destination.',
  schema: { type: 'string' },
  example: 'orders',
};

const DESCRIPTION = `Accepts a webhook. Give this URL to the sender; a path and a query may follow, and are stored and delivered too. Sluice answers as soon as the request is durably stored, and never with 429.

The sender proves who it is as the type of the source demands (\`config.auth\`), not with an API key. A request that fails verification is stored as rejected, and answered 200 or 401 as its provider needs it; \`unverified_status\` decides otherwise.

Sources accept POST, PUT, PATCH and DELETE unless \`allowed_http_methods\` says otherwise; GET, HEAD, OPTIONS and QUERY can be allowed. Handshakes of providers are answered whatever their method. Other switches stand in the query: see docs/sources.md.`;

function ingestOperation(method: (typeof METHODS)[number], withPath: boolean): Outside {
  const where = withPath ? 'in_by_source_path' : 'in_by_source';
  return {
    method,
    path: withPath ? '/in/{source}/{path}' : '/in/{source}',
    operationId: `${method}_${where}`,
    tag: 'ingest',
    summary: `Send a request to a source by ${method.toUpperCase()}`,
    description: DESCRIPTION,
    needsKey: false,
    parameters: withPath ? [source, path] : [source],
    ...(method !== 'get' && { requestBody: body }),
    responses: {
      200: {
        description:
          'The request is stored: Sluice’s acknowledgement, or what the source (`custom_response`) or its provider wants as an answer.',
        content: {
          'application/json': {
            schema: answerSchema,
            example: accepted,
          },
          'text/plain': { schema: { type: 'string' }, example: '[accepted]' },
          'text/xml': { schema: { type: 'string' }, example: '<Response></Response>' },
        },
      },
      204: { description: 'The same, for providers that want no content.' },
      401: {
        description: 'The request failed verification, and its sender is told.',
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/Error' },
            example: UNVERIFIED,
          },
          'text/plain': { schema: { type: 'string' }, example: '' },
        },
      },
      403: {
        description: 'The handshake of a provider was refused.',
        content: { '*/*': { schema: {} } },
      },
    },
    refusals: [400, 404, 405, 408, 410, 413, 422, 503],
  };
}

function sourceHeader(name: string, description: string, example: string) {
  return {
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
    example,
  };
}

const publishOperation: Outside = {
  method: 'post',
  path: '/v1/publish',
  operationId: 'post_publish',
  tag: 'ingest',
  summary: 'Publish an event',
  description:
    'Accepts an event from your own code, authenticated by an API key instead of a signature. Name the source in `x-sluice-source-id` or `x-sluice-source-name`; one of them is required. The key is not stored or delivered. Sluice answers as soon as the event is durably stored. A path and a query may follow, and are stored and delivered too. A body that violates the schema of the source is answered with 422.',
  needsKey: true,
  parameters: [
    sourceHeader('x-sluice-source-id', 'The id of the source.', EXAMPLE_ID.source),
    sourceHeader('x-sluice-source-name', 'The name of the source, instead of its id.', 'shop'),
  ],
  requestBody: body,
  responses: {
    200: {
      description: 'The event is stored.',
      content: { 'application/json': { schema: acknowledgement, example: accepted } },
    },
  },
  refusals: [400, 401, 403, 405, 408, 413, 421, 422, 503],
};

const publishToPath: Outside = {
  ...publishOperation,
  path: '/v1/publish/{path}',
  operationId: 'post_publish_by_path',
  summary: 'Publish an event with a path',
  parameters: [path, ...publishOperation.parameters!],
};

/** Where requests come in, for the OpenAPI document. */
export const ingestOperations: Outside[] = [
  ...[false, true].flatMap((withPath) =>
    METHODS.map((method) => ingestOperation(method, withPath)),
  ),
  publishOperation,
  publishToPath,
];
