import { acknowledgement } from '../../domain/schema/acknowledgement.ts';
import { errorBody } from '../../domain/schema/error.ts';
import { gently } from '../gently.ts';
import { healthOperations } from '../health.ts';
import { ingestOperations } from '../ingest/operations.ts';
import { metricsOperation } from '../metrics-route.ts';
import type { Route } from '../route.ts';
import { refusalComponents } from './answers.ts';
import { INTRODUCTION } from './introduction.ts';
import { operationOf } from './operation.ts';
import { type Outside, outsidePaths } from './outside.ts';
import { createSchemas, type Json } from './schemas.ts';
import { tags } from './tags.ts';
import { typeAuthentication } from './typed-auth.ts';

type Where = { basePath: string; publicUrl: string };

const documentOperation: Outside = {
  method: 'get',
  path: '/openapi.json',
  operationId: 'get_openapi',
  tag: 'operations',
  summary: 'Retrieve this document',
  description: 'The OpenAPI document of this gateway. It needs no API key.',
  needsKey: false,
  responses: {
    200: {
      description: 'An OpenAPI 3.1 document.',
      content: {
        'application/json': {
          schema: { type: 'object', description: 'See https://spec.openapis.org/oas/v3.1.1' },
          example: { openapi: '3.1.0', info: { title: 'Sluice', version: '2026-09-01' } },
        },
      },
    },
  },
  refusals: [],
};

/** The document's bytes, made when they are first asked for: that takes a while, and most never ask. */
export function createDocument(routes: Route[], where: Where): () => Promise<Buffer> {
  let made: Promise<Buffer> | undefined;
  return () => (made ??= openApiOf(routes, where).then((document) => bytesOf(document)));
}

function bytesOf(document: Json): Buffer {
  return Buffer.from(JSON.stringify(document));
}

/** The gateway as an OpenAPI 3.1 document: the schemas are those that validate. */
async function openApiOf(routes: Route[], { basePath, publicUrl }: Where): Promise<Json> {
  const schemas = createSchemas();
  const error = schemas.of(errorBody, 'output');
  // The operations beside the admin API refer to it by its name.
  schemas.of(acknowledgement, 'output');
  const paths: Record<string, Json> = {};
  // Senders wait for the same thread.
  await gently(routes, (route) => {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operationOf(route, schemas) };
  });
  await typeAuthentication(schemas);
  const outside = [...ingestOperations, ...healthOperations, metricsOperation, documentOperation];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version: basePath.slice(1),
      description: INTRODUCTION,
      license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: `${publicUrl}${basePath}`, description: 'The admin API' }],
    tags,
    security: [{ bearer: [] }, { basic: [] }],
    paths: { ...outsidePaths(outside, publicUrl), ...paths },
    components: {
      schemas: schemas.components,
      responses: refusalComponents(error),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key: `authorization: Bearer sk_…`.',
        },
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'An API key as the user name, with an empty password: `curl -u sk_…:`.',
        },
      },
    },
  };
}
