// Turns what a handler returned into the text that leaves the guest. Only own properties of freshly
// parsed data are read, so polluted prototypes change nothing here.
import { describeThrown } from './describe.ts';

const { parse, stringify } = JSON;
const { hasOwn } = Object;
const { isArray } = Array;
const { deleteProperty } = Reflect;
// Of all prototypes JSON.stringify asks these for toJSON, whatever the value is.
const PROTOTYPES = {
  object: Object.prototype,
  array: Array.prototype,
  function: Function.prototype,
};

export type Origin = { readonly path: string; readonly query: string };
export type AnswerLimits = { readonly outputCharacters: number; readonly parts: number };

function failure(kind: 'result_error' | 'too_large', message: string): string {
  return `"kind":"${kind}","message":${stringify(message)}`;
}

function field(part: object, name: string, fallback: unknown): unknown {
  return hasOwn(part, name) ? (part as Record<string, unknown>)[name] : fallback;
}

// A missing path or query means the one that came in: most handlers change the body alone.
function partText(part: object, origin: Origin): string {
  const body = field(part, 'body', null);
  const bodyKind = body === null ? 'empty' : typeof body === 'string' ? 'text' : 'json';
  const bodyText = body === null ? '' : typeof body === 'string' ? body : stringify(body);
  return (
    `{"headers":${stringify(field(part, 'headers', null))}` +
    `,"path":${stringify(field(part, 'path', origin.path))}` +
    `,"query":${stringify(field(part, 'query', origin.query))}` +
    `,"body":${stringify(bodyText)},"bodyKind":"${bodyKind}"}`
  );
}

/** The answer for a returned value, as the inside of a JSON object. */
export function answerText(value: unknown, origin: Origin, limits: AnswerLimits): string {
  deleteProperty(PROTOTYPES.object, 'toJSON');
  deleteProperty(PROTOTYPES.array, 'toJSON');
  deleteProperty(PROTOTYPES.function, 'toJSON');
  let text: string | undefined;
  try {
    text = stringify(value);
  } catch (error) {
    return failure(
      'result_error',
      `The returned value is not JSON: ${describeThrown(error).message}`,
    );
  }
  if (text === undefined) return failure('result_error', `A ${typeof value} is not a request.`);
  if (text.length > limits.outputCharacters) {
    return failure('too_large', `The result has ${text.length} characters.`);
  }
  const plain: unknown = parse(text);
  if (!isArray(plain)) {
    if (typeof plain !== 'object' || plain === null) {
      return failure(
        'result_error',
        `A ${typeof plain} is not a request; return the request object.`,
      );
    }
    return `"kind":"ok","split":false,"requests":[${partText(plain, origin)}]`;
  }
  return splitText(plain, origin, limits);
}

function splitText(parts: readonly unknown[], origin: Origin, limits: AnswerLimits): string {
  if (parts.length === 0) {
    return failure(
      'result_error',
      'An empty array was returned; use context.drop(reason) to drop.',
    );
  }
  if (parts.length > limits.parts) {
    return failure(
      'too_large',
      `${parts.length} requests were returned, ${limits.parts} are allowed.`,
    );
  }
  let requests = '';
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index];
    if (typeof part !== 'object' || part === null || isArray(part)) {
      return failure('result_error', `Entry ${index} of the returned array is not a request.`);
    }
    requests += (index === 0 ? '' : ',') + partText(part, origin);
  }
  return `"kind":"ok","split":true,"requests":[${requests}]`;
}
