import type { ErrorObject, ValidateFunction } from 'ajv';
import { withDoubles } from '../domain/numbers/exact-number.ts';
import { parseBody } from './content.ts';
import { signedBody, contentTypeOf, type Received } from './received.ts';
import { compileSchema, type Validators } from './schema/compile.ts';
import { exactBody } from './schema/exact.ts';
import { TooManySteps, withSteps } from './schema/steps.ts';
import type { SchemaProblem } from './schema/walk.ts';

/** What a source demands of its bodies, and whether what is wrong is rejected or only marked. */
export type SchemaSetting = { json_schema: unknown; mode: 'reject' | 'warn' };

/** What a body is not, where, and by which rule of the schema; `path` begins with `body`. */
export type SchemaViolation = { path: string; rule: string; message: string };

/** A source's check, compiled: the violations of a request's body, the first ten; none where it is right. */
export type SchemaCheck = (received: Received) => SchemaViolation[];

/** Larger bodies are taken unchecked. */
export const LARGEST_CHECKED_BYTES = 1_048_576;

const MOST_VIOLATIONS = 10;
const LONGEST_TEXT = 256;
// Enough to name some more violations; the verdict is already known.
const STEPS_FOR_THE_REST = 50_000;
const NO_JSON = { path: 'body', rule: 'json', message: 'must be JSON' };
const GIVEN_UP = {
  path: 'body',
  rule: 'steps',
  message: 'takes too many steps to check against this schema',
};
const UNUSABLE = { path: 'body', rule: 'schema', message: 'the schema cannot be used: save it' };

/** What is wrong with a source's `schema` setting, below `json_schema`; null where it can be saved. */
export function schemaProblem({ json_schema: source }: SchemaSetting): SchemaProblem | null {
  const compiled = compileSchema(source);
  return 'problems' in compiled ? (compiled.problems[0] ?? null) : null;
}

/** Compiles a source's check once for all its requests. */
export function compileSchemaCheck({ json_schema: source }: SchemaSetting): SchemaCheck {
  const compiled = compileSchema(source);
  // An earlier version took it: nothing is let through unseen.
  if ('problems' in compiled) return () => [UNUSABLE];
  return (received) => {
    const body = signedBody(received, { over: 'decoded' });
    if (body === null) return [NO_JSON];
    if (body.length > LARGEST_CHECKED_BYTES) return [];
    const parsed = parseBody(contentTypeOf(received), body, { sniffJson: true });
    if (parsed.kind !== 'json' && parsed.kind !== 'ndjson' && parsed.kind !== 'form') {
      return [NO_JSON];
    }
    const { value } = parsed;
    if (!compiled.isExact && withDoubles(value) === value) {
      return violationsOf(compiled, (validate) => validate(value));
    }
    const { root, ...exact } = exactBody(value);
    const place = { ...PLACE_OF_BODY, parentData: root, rootData: exact.value as object };
    return violationsOf(compiled.exact(), (validate) => validate(exact.value, place));
  };
}

const PLACE_OF_BODY = { instancePath: '', parentDataProperty: '', dynamicAnchors: {} };

type Run = (validate: ValidateFunction) => boolean;

function violationsOf(validators: Validators, run: Run): SchemaViolation[] {
  try {
    if (withSteps(() => run(validators.first))) return [];
  } catch (error) {
    if (!isEndless(error)) throw error;
    return [GIVEN_UP];
  }
  const found = (validators.first.errors ?? []).map(violationOf);
  try {
    const all = validators.all();
    withSteps(() => run(all), STEPS_FOR_THE_REST);
    return (all.errors ?? []).slice(0, MOST_VIOLATIONS).map(violationOf);
  } catch (error) {
    if (!isEndless(error)) throw error;
    return found.slice(0, MOST_VIOLATIONS);
  }
}

// A schema that refers to itself without end runs out of stack before it runs out of steps.
function isEndless(error: unknown): boolean {
  return error instanceof TooManySteps || error instanceof RangeError;
}

function violationOf({ instancePath, keyword, message, params }: ErrorObject): SchemaViolation {
  const name: unknown = params['additionalProperty'] ?? params['unevaluatedProperty'];
  const which = typeof name === 'string' ? `: ${JSON.stringify(shortened(name))}` : '';
  return {
    path: shortened(`body${instancePath.split('/').slice(1).map(step).join('')}`),
    rule: keyword,
    message: shortened(`${message ?? 'is not what the schema says'}${which}`),
  };
}

function step(part: string): string {
  const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
  if (/^(?:0|[1-9]\d*)$/.test(name)) return `[${name}]`;
  return /^[A-Za-z_][\w-]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

function shortened(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}
