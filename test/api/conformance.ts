import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

type Operation = {
  operationId: string;
  responses: Record<string, { content: Record<string, { schema: object }> }>;
};
export type OpenApi = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
};

/** Holds answers against an OpenAPI document. */
export type Conformance = {
  /** Null where the answer is what the document says; otherwise what is wrong with it. */
  faultOf(answer: {
    method: string;
    path: string;
    status: number;
    contentType: string | null;
    body: unknown;
  }): string | null;
  /** The operations that have answered with 200. */
  seen: Set<string>;
};

export function createConformance(document: OpenApi): Conformance {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi');
  const seen = new Set<string>();
  return {
    seen,
    faultOf({ method, path, status, contentType, body }) {
      const found = find(document, { method, path });
      if (!found) return null;
      const { template, operation } = found;
      const type = contentType?.split(';')[0] ?? '';
      if (!operation.responses[status]) return `${status} is not in the document`;
      if (!operation.responses[status].content[type]) return `${type} is not in the document`;
      const pointer = ['paths', template, method.toLowerCase(), 'responses', `${status}`, 'content']
        .concat(type, 'schema')
        .map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
        .map(encodeURIComponent)
        .join('/');
      const validate = ajv.getSchema(`openapi#/${pointer}`);
      if (!validate) return `no schema at ${pointer}`;
      if (!validate(body)) return ajv.errorsText(validate.errors);
      if (status === 200) seen.add(operation.operationId);
      return null;
    },
  };
}

/** Every operation of a document, by its id. */
export function operationsOf(document: OpenApi): string[] {
  return Object.values(document.paths).flatMap((item) =>
    Object.values(item).map((operation) => operation.operationId),
  );
}

function find(document: OpenApi, { method, path }: { method: string; path: string }) {
  const templates = Object.keys(document.paths).toSorted(
    (a, b) => a.split('{').length - b.split('{').length,
  );
  const template = templates.find((each) =>
    new RegExp(`^${each.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );
  const operation = template && document.paths[template]?.[method.toLowerCase()];
  return operation ? { template, operation } : null;
}
