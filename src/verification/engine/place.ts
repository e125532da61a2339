import { readForm, valuesOf } from '../body/form.ts';
import { readJson } from '../body/json.ts';
import { headerValues, type Received } from '../received.ts';

/**
 * Where a value stands in a request: a header, a query parameter, a form field, a path in the JSON body, or a
 * pair of the signature header (`t=…`).
 */
export type Place =
  `header:${string}` | `query:${string}` | `form:${string}` | `json:${string}` | `pair:${string}`;

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
      return formText(context, name);
    case 'json':
      return jsonText(context, name);
    default:
      return context.pairs?.get(name);
  }
}

function only(values: readonly string[]): Found {
  return values.length > 1 ? DUPLICATE : values[0];
}

function formText({ received, body }: PlaceContext, name: string): Found {
  const form = readForm(received, body);
  return 'problem' in form ? undefined : only(valuesOf(form.fields, name));
}

function jsonText({ received, body }: PlaceContext, path: string): Found {
  const json = readJson(received, { body, paths: [path] });
  if ('problem' in json) return json.problem === 'DOUBLED' ? DUPLICATE : undefined;
  return json.text(path);
}
