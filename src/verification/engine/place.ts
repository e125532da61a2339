import { headerValues, type Received } from '../received.ts';

/**
 * Where a value stands in a request: a header, a query parameter, a form field, a path in the JSON body, or a
 * pair of the signature header (`t=…`).
 */
export type Place =
  `header:${string}` | `query:${string}` | `form:${string}` | `json:${string}` | `pair:${string}`;

const LARGEST_PARSED_BYTES = 1_048_576;
const DUPLICATE = Symbol('duplicate');

/** Said by `readPlace` when a value that must be single stands twice. */
export type Found = string | undefined | typeof DUPLICATE;

export function isDuplicate(found: Found): found is typeof DUPLICATE {
  return found === DUPLICATE;
}

export type PlaceContext = {
  received: Received;
  body: Buffer;
  pairs?: ReadonlyMap<string, string> | undefined;
};

/** Whether a value stands in the body, which has to be decoded to read it. */
export function isInBody(place: Place): boolean {
  return place.startsWith('json:') || place.startsWith('form:');
}

/** Reads a value from its place; the duplicate mark where it stands more than once. */
export function readPlace(place: Place, context: PlaceContext): Found {
  const colon = place.indexOf(':');
  const name = place.slice(colon + 1);
  switch (place.slice(0, colon)) {
    case 'header':
      return only(headerValues(context.received, { name }));
    case 'query':
      return only(new URLSearchParams(context.received.rawQuery).getAll(name));
    case 'form':
      return only(new URLSearchParams(context.body.toString('utf8')).getAll(name));
    case 'json':
      return jsonText(context.body, name);
    default:
      return context.pairs?.get(name);
  }
}

function only(values: readonly string[]): Found {
  return values.length > 1 ? DUPLICATE : values[0];
}

function jsonText(body: Buffer, path: string): string | undefined {
  let value: unknown = parsedJson(body);
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** The JSON body for reading single fields; undefined where it is no JSON or larger than 1 MiB. */
export function parsedJson(body: Buffer): unknown {
  if (body.length > LARGEST_PARSED_BYTES) return undefined;
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
