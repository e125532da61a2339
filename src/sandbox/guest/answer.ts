// Turns what a handler returned into the text that leaves the guest. Only own properties of freshly
// parsed data are read, so polluted prototypes change nothing here.
import { describeThrown } from './describe.ts';
import { createUnkept } from './unkept.ts';
import { writeOutput, type Output } from './output.ts';

const { parse, stringify } = JSON;
const { hasOwn } = Object;
const { isArray } = Array;
const { apply, deleteProperty } = Reflect;
const { slice } = String.prototype;
// Of all prototypes JSON.stringify asks these for toJSON, whatever the value is.
const PROTOTYPES = {
  object: Object.prototype,
  array: Array.prototype,
  function: Function.prototype,
};

export type Origin = { readonly path: string; readonly query: string };
export type AnswerLimits = { readonly outputCharacters: number; readonly parts: number };
/** Takes a line for the log of the run. */
export type Note = (message: string) => void;

function failure(kind: 'result_error' | 'too_large', message: string): string {
  return `"kind":"${kind}","message":${stringify(message)}`;
}

function field(part: object, name: string, fallback: unknown): unknown {
  return hasOwn(part, name) ? (part as Record<string, unknown>)[name] : fallback;
}

type Context = { readonly origin: Origin; readonly bodies: Output['bodies'] };

function jsonText(body: unknown, bodies: Output['bodies']): string {
  return bodies === null ? stringify(body) : (bodies[(body as { json: number }).json] ?? '');
}

/** What code writes with a question mark before it goes without; one that came in belongs to the query. */
function queryOf(part: object, { query }: Origin): unknown {
  const given = field(part, 'query', query);
  const isMarked = typeof given === 'string' && given !== query && given[0] === '?';
  return isMarked ? apply(slice, given, [1]) : given;
}

// A missing path or query means the one that came in: most handlers change the body alone.
function partText(part: object, { origin, bodies }: Context): string {
  const body = field(part, 'body', null);
  const bodyKind = body === null ? 'empty' : typeof body === 'string' ? 'text' : 'json';
  const bodyText = body === null ? '' : typeof body === 'string' ? body : jsonText(body, bodies);
  return (
    `{"headers":${stringify(field(part, 'headers', null))}` +
    `,"path":${stringify(field(part, 'path', origin.path))}` +
    `,"query":${stringify(queryOf(part, origin))}` +
    `,"body":${stringify(bodyText)},"bodyKind":"${bodyKind}"}`
  );
}

/** The answer for a returned value, as the inside of a JSON object. */
export function answerText(
  value: unknown,
  { origin, limits, note }: { origin: Origin; limits: AnswerLimits; note: Note },
): string {
  deleteProperty(PROTOTYPES.object, 'toJSON');
  deleteProperty(PROTOTYPES.array, 'toJSON');
  deleteProperty(PROTOTYPES.function, 'toJSON');
  let output: Output;
  const unkept = createUnkept(note);
  try {
    output = writeOutput(value, unkept);
    unkept.tell();
  } catch (error) {
    return failure(
      'result_error',
      `The returned value is not JSON: ${describeThrown(error).message}`,
    );
  }
  const { text, bodies } = output;
  if (text === undefined) return failure('result_error', `A ${typeof value} is not a request.`);
  let characters = text.length;
  for (let index = 0; index < (bodies?.length ?? 0); index++) {
    characters += bodies?.[index]?.length ?? 0;
  }
  if (characters > limits.outputCharacters) {
    return failure('too_large', `The result has ${characters} characters.`);
  }
  const plain: unknown = parse(text);
  const context = { origin, bodies };
  if (!isArray(plain)) {
    if (typeof plain !== 'object' || plain === null) {
      return failure(
        'result_error',
        `A ${typeof plain} is not a request; return the request object.`,
      );
    }
    return `"kind":"ok","split":false,"requests":[${partText(plain, context)}]`;
  }
  return splitText(plain, context, limits);
}

function splitText(parts: readonly unknown[], context: Context, limits: AnswerLimits): string {
  if (parts.length === 0) {
    return failure(
      'result_error',
      'An empty array was returned; use context.drop(reason) to drop.',
    );
  }
  if (parts.length > limits.parts) {
    return failure(
      'too_large',
      `${parts.length} requests were returned; the limit is ${limits.parts}.`,
    );
  }
  let requests = '';
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index];
    if (typeof part !== 'object' || part === null || isArray(part)) {
      return failure('result_error', `Entry ${index} of the returned array is not a request.`);
    }
    requests += (index === 0 ? '' : ',') + partText(part, context);
  }
  return `"kind":"ok","split":true,"requests":[${requests}]`;
}
