import { EXAMPLE_ID } from '../examples/ids.ts';
import type { Route } from '../route.ts';
import { type RefusalStatus, refusals } from './answers.ts';
import { PARAMETERS } from './fields.ts';
import type { Json, Schemas } from './schemas.ts';

const WORDS: Record<string, string> = {
  apiKey: 'API key',
  execution_id: 'run of the transformation',
};
const DELETABLE: unknown[] = ['source', 'destination', 'connection', 'transformation'];

/** A route of the admin API as an OpenAPI operation. */
export function operationOf(route: Route, schemas: Schemas): Json {
  const { summary, description, tag, body, example } = route;
  const answer = schemas.of(route.response, 'output');
  return {
    summary,
    description,
    tags: [tag],
    operationId: operationId(route),
    parameters: [...pathParameters(route), ...queryParameters(route, schemas)],
    ...(body && {
      requestBody: {
        // Where every field may be left out, so may the body.
        required: !body.safeParse({}).success,
        content: json(schemas.of(body, 'input'), example.body),
      },
    }),
    responses: {
      200: { description: 'Done.', content: json(answer, example.answer) },
      ...refusals(refusalsOf(route)),
    },
  };
}

function json(schema: Json, example: unknown): Json {
  return { 'application/json': { schema, ...(example !== undefined && { example }) } };
}

function operationId({ method, path }: Route): string {
  const words = path.split('/').map((part) => part.replace(/^:/, 'by_').replaceAll('-', '_'));
  return [method, ...words.filter((word) => word !== '')].join('_');
}

function pathParameters({ path, id: kind }: Route): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => {
    const word = WORDS[name] ?? WORDS[kind ?? ''] ?? kind ?? 'resource';
    const example = name === 'id' ? kind && EXAMPLE_ID[kind as keyof typeof EXAMPLE_ID] : undefined;
    return {
      name,
      in: 'path',
      required: true,
      description: `The id of the ${word}.`,
      schema: { type: 'string' },
      ...(example && { example }),
      ...(name === 'execution_id' && { example: EXAMPLE_ID.transformationExecution }),
    };
  });
}

function queryParameters({ query }: Route, schemas: Schemas): Json[] {
  if (!query) return [];
  const { properties = {} } = schemas.of(query, 'input', PARAMETERS) as {
    properties?: Record<string, Json>;
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => {
    // An object, or one of the filters that may be one.
    const deep = /"object"|Filter"/.test(JSON.stringify(schema));
    const style = deep ? { style: 'deepObject', explode: true } : {};
    return { name, in: 'query', required: false, description, ...style, schema };
  });
}

/** What can go wrong, apart from what a caller cannot tell from any other failure. */
function refusalsOf({ method, path, id }: Route): RefusalStatus[] {
  const isRead = method === 'get';
  const always: RefusalStatus[] = [400, 401, 415, 421, 422, 429, 500, 503];
  const found: RefusalStatus[] = path.includes('/:') ? [404] : [];
  const gone: RefusalStatus[] = DELETABLE.includes(id) ? [410] : [];
  const written: RefusalStatus[] = isRead ? [] : [403, 408, 409, 413];
  return [...always, ...found, ...gone, ...written].toSorted((a, b) => a - b);
}
