import { z } from 'zod';
import { describeFields, FIELDS } from './fields.ts';

export type Json = Record<string, unknown>;
type Direction = 'input' | 'output';

/** Makes JSON Schemas of zod's, and collects those that have an id as components. */
export type Schemas = {
  /**
   * The schema of what comes in or goes out; one that has an id as a reference. `words` describe fields that do not
   * describe themselves.
   */
  of(schema: z.ZodType, io: Direction, words?: Record<string, string>): Json;
  components: Record<string, Json>;
};

export function createSchemas(): Schemas {
  const components: Record<string, Json> = {};
  const known = { input: new Map<z.ZodType, Json>(), output: new Map<z.ZodType, Json>() };
  return {
    components,
    of(schema, io, words = FIELDS) {
      const found = known[io].get(schema);
      if (found) return found;
      const made = jsonSchemaOf(schema, { io, components, words });
      known[io].set(schema, made);
      return made;
    },
  };
}

// A schema that has an id becomes a component; the wrapper makes a root one no exception.
function jsonSchemaOf(
  schema: z.ZodType,
  {
    io,
    components,
    words,
  }: { io: Direction; components: Record<string, Json>; words: Record<string, string> },
): Json {
  const document = z.toJSONSchema(z.object({ root: schema }), { io, unrepresentable: 'any' });
  const { properties, $defs = {} } = moved(document) as {
    properties: { root: Json };
    $defs?: Record<string, Json>;
  };
  for (const [name, definition] of Object.entries($defs)) {
    // Components are named by themselves in OpenAPI.
    const { id: _id, ...rest } = definition;
    components[name] ??= describeFields(rest, words);
  }
  return describeFields(properties.root, words);
}

function moved(document: unknown): unknown {
  return JSON.parse(JSON.stringify(document).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
