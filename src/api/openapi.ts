import { z } from 'zod';
import { errorBody } from '../domain/schema/error.ts';
import { ERROR_STATUSES } from './errors.ts';
import type { Route } from './route.ts';

type Json = Record<string, unknown>;
type Direction = 'input' | 'output';

const REFUSALS = ERROR_STATUSES.filter((status) => status !== 401);

/** The routes as an OpenAPI 3.1 document: the schemas are those that validate. */
export function openApiOf(
  routes: Route[],
  { basePath, publicUrl }: { basePath: string; publicUrl: string },
): Json {
  const schemas: Json = {};
  const describe = (schema: z.ZodType, io: Direction) => jsonSchemaOf(schema, { io, schemas });
  const error = describe(errorBody, 'output');
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operationOf(route, { describe, error }) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice', version: basePath.slice(1) },
    servers: [{ url: `${publicUrl}${basePath}` }],
    security: [{ bearer: [] }, { basic: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic', description: 'The key as user name, no password' },
      },
    },
  };
}

function operationOf(
  route: Route,
  { describe, error }: { describe: (schema: z.ZodType, io: Direction) => Json; error: Json },
): Json {
  const refusal = { description: 'Refused', content: { 'application/json': { schema: error } } };
  return {
    summary: route.summary,
    tags: [route.tag],
    operationId: operationId(route),
    parameters: [...pathParameters(route), ...queryParameters(route, describe)],
    ...(route.body && {
      requestBody: { content: { 'application/json': { schema: describe(route.body, 'input') } } },
    }),
    responses: {
      200: {
        description: 'Done',
        content: { 'application/json': { schema: describe(route.response, 'output') } },
      },
      401: {
        description: 'No valid key',
        content: { 'text/plain': { schema: { type: 'string' } } },
      },
      ...Object.fromEntries(REFUSALS.map((status) => [status, refusal])),
    },
  };
}

function operationId({ method, path }: Route): string {
  const words = path.split('/').map((part) => part.replace(/^:/, 'by_').replaceAll('-', '_'));
  return [method, ...words.filter((word) => word !== '')].join('_');
}

function pathParameters({ path, id }: Route): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => {
    const isOwn = name === 'id' && id;
    const schema = { type: 'string', ...(isOwn && { description: `The id of a ${id}` }) };
    return { name, in: 'path', required: true, schema };
  });
}

function queryParameters(
  { query }: Route,
  describe: (schema: z.ZodType, io: Direction) => Json,
): Json[] {
  if (!(query instanceof z.ZodObject)) return [];
  return Object.entries(query.shape).map(([name, field]) => {
    const schema = describe(field as z.ZodType, 'input');
    const deep = JSON.stringify(schema).includes('"object"');
    const style = deep ? { style: 'deepObject', explode: true } : {};
    return { name, in: 'query', required: false, ...style, schema };
  });
}

// A schema that has an id becomes a component; the wrapper makes a root one no exception.
function jsonSchemaOf(schema: z.ZodType, { io, schemas }: { io: Direction; schemas: Json }): Json {
  const document = z.toJSONSchema(z.object({ root: schema }), { io, unrepresentable: 'any' });
  const { properties, $defs = {} } = moved(document) as {
    properties: { root: Json };
    $defs?: Json;
  };
  for (const [name, definition] of Object.entries($defs)) {
    // Components are named by themselves in OpenAPI.
    const { id: _id, ...rest } = definition as Json;
    schemas[name] ??= rest;
  }
  return properties.root;
}

function moved(document: unknown): unknown {
  return JSON.parse(JSON.stringify(document).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
