import type { z } from 'zod';
import { doubleOf, ExactNumber, withDoubles } from '../numbers/exact-number.ts';

/** A wrong field: where it stands, and what would be right ("must be …", "is required"). */
export type Problem = { path: (string | number)[]; message: string };

/** Said of a field that the schema does not have. */
export const UNKNOWN_FIELD = 'is not a known field';

export type Checked<Value> = { ok: true; value: Value } | { ok: false; problems: Problem[] };

/**
 * Parses `value`; what is wrong comes back as sentences with their paths. Exact numbers stay what they are only where
 * the schema takes any JSON: a field that must be a number gets a double.
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): Checked<z.output<Schema>> {
  const doubles = withDoubles(value);
  const result = schema.safeParse(doubles, { error: sentence });
  if (!result.success) return { ok: false, problems: result.error.issues.flatMap(problemsOf) };
  if (doubles === value) return { ok: true, value: result.data };
  return { ok: true, value: parseExactly(schema, value) ?? result.data };
}

/** The same value as it was with doubles, but for what may be any JSON; null where that cannot be told. */
function parseExactly<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> | null {
  let numbers = value;
  for (;;) {
    const result = schema.safeParse(numbers, { error: sentence });
    if (result.success) return result.data;
    const paths = result.error.issues.map((issue) => issue.path);
    const next = paths.reduce<unknown>(withDoubleAt, numbers);
    if (next === numbers) return null;
    numbers = next;
  }
}

/** A copy with a double in the place of the exact number at a path, or of those in what stands there. */
function withDoubleAt(value: unknown, [step, ...rest]: readonly PropertyKey[]): unknown {
  if (step === undefined) return withDoubles(value);
  if (value instanceof ExactNumber) return doubleOf(value);
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return value;
  const before = (value as Record<PropertyKey, unknown>)[step];
  const after = withDoubleAt(before, rest);
  if (after === before) return value;
  if (Array.isArray(value)) return value.with(Number(step), after) as unknown[];
  return { ...value, [step]: after };
}

/** `body.rules[0].interval`, as a reader would write it. */
export function pathText(root: string, path: (string | number)[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${part}`),
    root,
  );
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({ path: [...path, key], message: UNKNOWN_FIELD }));
}

/** Says what is wrong where a schema has no sentence of its own; to be given to whatever parses. */
export function sentence(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${articled(issue.expected)}`;
    case 'invalid_value':
      return issue.input === undefined ? 'is required' : `must be ${choice(issue.values)}`;
    case 'too_small':
      return `must be ${issue.minimum} or more${lengthOf(issue.origin)}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${lengthOf(issue.origin)}`;
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options)
        ? `must be ${choice(issue.options)}`
        : 'is not of a known shape';
    case 'invalid_format':
      return `must be a valid ${issue.format}`;
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      break;
  }
  return 'is not valid';
}

function choice(values: readonly unknown[]): string {
  const texts = values.map(String);
  return texts.length === 1 ? texts[0]! : `one of ${texts.join(', ')}`;
}

function articled(type: string): string {
  if (type === 'int') return 'a whole number';
  if (type === 'record') return 'an object';
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}

function lengthOf(origin: string): string {
  if (origin === 'string') return ' characters long';
  return origin === 'array' ? ' items long' : '';
}
