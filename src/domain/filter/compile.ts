import { UNREADABLE_REFERENCE, remember, someElement, spend } from './evaluation.ts';
import type { Evaluation } from './evaluation.ts';
import { compileOperators, compileReference } from './operands.ts';
import type { CompiledOperator, Resolve } from './operands.ts';
import { isPrimitive, looselyEqual } from './operators.ts';
import type { Primitive } from './operators.ts';

type Evaluate = (input: unknown, root: unknown, evaluation: Evaluation) => boolean;

/**
 * A schema as two questions, because the same text means different things in the two places:
 * as a whole (the root, a branch of `$or`, `$and`, `$not`) or as what a key or an element must be.
 */
export type CompiledSchema = { whole: Evaluate; value: Evaluate };

type Compilation = { depth: number; onNode: () => void };

/** Levels a schema may have; deeper ones are refused when saved and never match. */
export const MAX_SCHEMA_DEPTH = 100;

const never: Evaluate = () => false;
const NEVER: CompiledSchema = { whole: never, value: never };

/** Turns a schema into closures; throws where it is deeper than MAX_SCHEMA_DEPTH. */
export function compileSchema(
  schema: unknown,
  { depth, onNode }: Compilation = { depth: 0, onNode: () => {} },
): CompiledSchema {
  if (depth > MAX_SCHEMA_DEPTH) throw new RangeError('The filter is nested too deep.');
  onNode();
  const inner = { depth: depth + 1, onNode };
  if (isPrimitive(schema)) return compileLiteral(schema);
  if (Array.isArray(schema)) return compileList(schema, inner);
  if (typeof schema === 'object' && schema !== null) return compileObject(schema, inner);
  return NEVER;
}

function compileLiteral(literal: Primitive): CompiledSchema {
  const value: Evaluate = (input, _root, evaluation) => matchesLiteral(input, literal, evaluation);
  // A null that stands for a whole schema has no inside to look into: it never matches.
  return { whole: literal === null ? never : value, value };
}

function matchesLiteral(input: unknown, literal: Primitive, evaluation: Evaluation): boolean {
  if (!Array.isArray(input)) return isPrimitive(input) && looselyEqual(input, literal);
  for (const element of input) {
    spend(evaluation);
    if (matchesLiteral(element, literal, evaluation)) return true;
  }
  return false;
}

/** A list: every one of its schemas is met by some element, in any order. */
function compileList(list: unknown[], inner: Compilation): CompiledSchema {
  const schemas = list.map((schema) => compileSchema(schema, inner));
  // Against an object a list reads as one more object, its keys "0", "1", …
  const fields = fieldsOf(Object.entries(list), (index) => schemas[Number(index)] ?? NEVER);
  const value: Evaluate = (input, root, evaluation) => {
    if (!Array.isArray(input)) return !isPrimitive(input) && whole(input, root, evaluation);
    return schemas.every((schema) =>
      someElement(input, evaluation, (element) => schema.value(element, root, evaluation)),
    );
  };
  const whole = guarded((input, root, evaluation) =>
    isPrimitive(input) || Array.isArray(input)
      ? value(input, input, evaluation)
      : hasFields(input, fields, { root, evaluation }),
  );
  return { whole, value };
}

function compileObject(schema: object, inner: Compilation): CompiledSchema {
  const compile = (part: unknown) => compileSchema(part, inner);
  const { $or, $and, $not, $ref } = schema as Record<string, unknown>;
  const either = Array.isArray($or) ? $or.map(compile) : null;
  const all = Array.isArray($and) ? $and.map(compile) : [];
  const negated = $not ? compile($not).whole : null;
  const onlyNegated = Object.keys(schema).length === 1;
  const named = Object.entries(schema).filter(([key, part]) => !isCombination(key, part));
  const fields = fieldsOf(named, (_key, part) => compile(part));

  /** What `$not` says already; null where the rest decides. */
  const refused: (...of: Parameters<Evaluate>) => boolean | null = (input, root, evaluation) => {
    if (negated === null) return null;
    const matched = negated(input, root, evaluation);
    return matched || onlyNegated ? !matched : null;
  };
  const contents: Evaluate = (input, root, evaluation) =>
    (either === null || either.some((branch) => branch.whole(input, root, evaluation))) &&
    all.every((branch) => branch.whole(input, root, evaluation)) &&
    hasFields(input, fields, { root, evaluation });
  const inside = guarded(
    (input, root, evaluation) =>
      refused(input, root, evaluation) ?? contents(input, root, evaluation),
  );
  const whole = guarded((input, root, evaluation) => {
    const verdict = refused(input, root, evaluation);
    if (verdict !== null) return verdict;
    // Inside a bare value or list a `$ref` sees only that value, not what it was found in.
    if (isPrimitive(input) || Array.isArray(input)) return value(input, input, evaluation);
    return contents(input, root, evaluation);
  });
  const reference = $ref ? compileReference($ref) : null;
  const value = compileValue({ either, reference, operators: compileOperators(schema), inside });
  return { whole, value };
}

function isCombination(key: string, part: unknown): boolean {
  return key === '$not' || ((key === '$or' || key === '$and') && Array.isArray(part));
}

/** An object schema as what a key or an element must be: the first kind of condition it has decides alone. */
function compileValue({
  either,
  reference,
  operators,
  inside,
}: {
  either: CompiledSchema[] | null;
  reference: Resolve | null;
  operators: CompiledOperator[];
  inside: Evaluate;
}): Evaluate {
  const value: Evaluate = (input, root, evaluation) => {
    if (Array.isArray(input)) {
      if (operators.length > 0) return operators.every((test) => test.asWritten(input, evaluation));
      return someElement(input, evaluation, (element) => value(element, root, evaluation));
    }
    if (either !== null) return either.some((branch) => branch.whole(input, root, evaluation));
    if (reference !== null)
      return matchesFound(input, reference(root, evaluation), { root, evaluation });
    if (operators.length > 0)
      return operators.every((test) => test.resolved(input, root, evaluation));
    return !isPrimitive(input) && inside(input, root, evaluation);
  };
  return value;
}

/** What a `$ref` found in the payload is matched as if it had been written in the filter. */
function matchesFound(
  input: unknown,
  found: unknown,
  { root, evaluation }: { root: unknown; evaluation: Evaluation },
): boolean {
  if (isPrimitive(found)) return matchesLiteral(input, found, evaluation);
  if (typeof found !== 'object' || found === null) return false;
  const onNode = () => spend(evaluation);
  const make = () => compileSchema(found, { depth: 0, onNode });
  return remember(evaluation, { name: 'schema', subject: found, make }).value(
    input,
    root,
    evaluation,
  );
}

type Field = { key: string; schema: CompiledSchema; mayBeMissing: boolean };

function fieldsOf(
  entries: [string, unknown][],
  compile: (key: string, part: unknown) => CompiledSchema,
): Field[] {
  return entries.map(([key, part]) => ({
    key,
    schema: compile(key, part),
    mayBeMissing:
      typeof part === 'object' && part !== null && '$exist' in part && part.$exist === false,
  }));
}

/** Own keys only: `constructor` and `__proto__` are keys like any other, and missing where not sent. */
function hasFields(
  input: unknown,
  fields: readonly Field[],
  { root, evaluation }: { root: unknown; evaluation: Evaluation },
): boolean {
  if (typeof input !== 'object' || input === null) return fields.length === 0;
  for (const { key, schema, mayBeMissing } of fields) {
    const value = Object.hasOwn(input, key) ? (input as Record<string, unknown>)[key] : undefined;
    if (value === undefined && !mayBeMissing) return false;
    if (!schema.value(value, root, evaluation)) return false;
  }
  return true;
}

/** A reference that cannot be read makes the nearest whole schema not match, and nothing beyond it. */
function guarded(evaluate: Evaluate): Evaluate {
  return (input, root, evaluation) => {
    const level = evaluation.indexes.length;
    try {
      return evaluate(input, root, evaluation);
    } catch (error) {
      if (error !== UNREADABLE_REFERENCE) throw error;
      evaluation.indexes.length = level;
      return false;
    }
  };
}
