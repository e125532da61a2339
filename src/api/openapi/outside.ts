import { type RefusalStatus, refusals } from './answers.ts';
import type { Json } from './schemas.ts';
import type { Tag } from './tags.ts';

/** An operation beside the admin API's routes, written as OpenAPI has it. */
export type Outside = {
  method: string;
  /** From the root of the server; `{name}` stands for a parameter. */
  path: string;
  operationId: string;
  tag: Tag;
  summary: string;
  description: string;
  /** Whether it takes an API key. */
  needsKey: boolean;
  parameters?: Json[];
  requestBody?: Json;
  responses: Record<number, Json>;
  /** The errors it shares with the admin API. */
  refusals: RefusalStatus[];
};

/** Such operations as paths of a document, with the server they stand at. */
export function outsidePaths(operations: readonly Outside[], publicUrl: string): Json {
  return Object.fromEntries(
    [...Map.groupBy(operations, (each) => each.path)].map(([path, own]) => [
      path,
      {
        servers: [{ url: publicUrl }],
        ...Object.fromEntries(own.map((each) => [each.method, operationOf(each)])),
      },
    ]),
  );
}

function operationOf({ method: _method, path: _path, ...outside }: Outside): Json {
  const { tag, needsKey, parameters, responses, refusals: statuses, ...described } = outside;
  return {
    ...described,
    tags: [tag],
    ...(!needsKey && { security: [] }),
    ...(parameters && { parameters }),
    responses: { ...responses, ...refusals(statuses) },
  };
}
