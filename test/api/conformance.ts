import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

type Content = Record<string, { schema: object; example?: unknown; examples?: Examples }>;
type Examples = Record<string, { value: unknown }>;
type Response = { description: string; content?: Content };
type Parameter = { name: string; in: string; description?: string; example?: unknown };
export type Operation = {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, Response | { $ref: string }>;
};
export type OpenApi = {
  openapi: string;
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; responses: Record<string, Response> };
};

/** An operation with where it stands; `path` begins at the root of the server. */
export type Placed = Operation & { method: string; template: string; path: string };

/** Holds answers against an OpenAPI document. */
export type Conformance = {
  /** Null where the answer is what the document says; otherwise what is wrong with it. */
  faultOf(answer: {
    method: string;
    /** From the root of the server. */
    path: string;
    status: number;
    contentType: string | null;
    body: unknown;
  }): string | null;
  /** The operations that have answered with 200. */
  seen: Set<string>;
};

export function createConformance(document: OpenApi): Conformance {
  const validatorAt = createValidators(document);
  const operations = operationsOf(document);
  const seen = new Set<string>();
  return {
    seen,
    faultOf({ method, path, status, contentType, body }) {
      const operation = find(operations, { method, path });
      if (!operation) return null;
      const found = operation.responses[status];
      if (!found) return `${status} is not in the document`;
      const place =
        '$ref' in found
          ? found.$ref.slice(2).split('/')
          : ['paths', operation.template, operation.method, 'responses', `${status}`];
      const { content } = '$ref' in found ? document.components.responses[place.at(-1)!]! : found;
      const type = contentType?.split(';')[0] ?? '';
      if (content || body !== '') {
        if (!content?.[type]) return `${type} is not in the document`;
        const fault = validatorAt([...place, 'content', type, 'schema'])(body);
        if (fault) return fault;
      }
      if (status === 200) seen.add(operation.operationId);
      return null;
    },
  };
}

/** Validators for the schemas at places of a document: each says what is wrong with a value, or null. */
export function createValidators(document: OpenApi) {
  const ajv = new Ajv2020({ strict: false, allErrors: true, inlineRefs: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi');
  return (place: string[]) => {
    const pointer = place
      .map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
      .map(encodeURIComponent)
      .join('/');
    const validate = ajv.getSchema(`openapi#/${pointer}`);
    if (!validate) throw new Error(`There is no schema at ${pointer}.`);
    return (value: unknown): string | null =>
      validate(value) ? null : ajv.errorsText(validate.errors);
  };
}

/** Every operation of a document. */
export function operationsOf(document: OpenApi): Placed[] {
  const base = new URL(document.servers[0]!.url).pathname;
  return Object.entries(document.paths).flatMap(([template, { servers, ...methods }]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method,
      template,
      path: servers ? template : `${base}${template}`,
    })),
  );
}

function find(operations: Placed[], { method, path }: { method: string; path: string }) {
  return operations
    .filter((operation) => operation.method === method.toLowerCase())
    .toSorted((a, b) => a.path.split('{').length - b.path.split('{').length)
    .find((operation) =>
      new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
    );
}
