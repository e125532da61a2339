import { withEqualNumbers } from '../numbers/exact-number.ts';
import { isSecretName, REDACTED, shownValue } from '../shown-value.ts';
import { compileSchema, type CompiledSchema } from './compile.ts';
import { startEvaluation, UNREADABLE_REFERENCE, type Evaluation } from './evaluation.ts';
import { isOperator, isPrimitive } from './operators.ts';

/** A key of a request that did not meet its condition. */
export type Mismatch = {
  /** Where it stands, as in `body.order.total`. */
  path: string;
  /** The condition. */
  expected: unknown;
  /** What was there; left out where nothing was. */
  actual?: unknown;
};

/** Names the keys of `input` that did not match, at most five. */
export type Explain = (input: unknown) => Mismatch[];

/** The most that is told of one filter. */
export const MAX_MISMATCHES = 5;
/** Elements it may look at: what takes longer is told as a whole. */
const MAX_STEPS = 100_000;

type Place = { keys: string[]; schema: unknown; input: unknown };
type Search = { root: unknown; evaluation: Evaluation; found: Place[] };
type Find = (place: { keys: string[]; input: unknown }, search: Search) => void;

/**
 * Prepares to explain why a part of a request did not match a schema. The search goes as deep as objects do: what stands
 * in a list, or what an operator says, is told with the key that holds it.
 */
export function explainerOf(part: string, schema: unknown): Explain {
  const find = preparedFinder(schema);
  return (input) => {
    const evaluation = { ...startEvaluation(), stepsLeft: MAX_STEPS };
    const search: Search = { root: input, evaluation, found: [] };
    try {
      find({ keys: [part], input }, search);
    } catch {
      // It has spent its steps, or cannot be read: what was found so far is true.
    }
    const { found } = search;
    return (found.length > 0 ? found : [{ keys: [part], schema, input }]).map(shown);
  };
}

function preparedFinder(schema: unknown): Find {
  try {
    return finderOf(schema);
  } catch {
    // Too deep to compile: such a filter never matches.
    return (place, search) => add(search, { ...place, schema });
  }
}

/** `isValue`: the schema stands at a key, where an `$or` decides alone. */
function finderOf(schema: unknown, { isValue = false } = {}): Find {
  if (!isObject(schema) || !saysOfKeysAlone(schema)) {
    return (place, search) => add(search, { ...place, schema });
  }
  const { $or } = schema;
  const conditions =
    isValue && $or !== undefined ? [['$or', $or] as const] : Object.entries(schema);
  const finders = conditions.map(([key, own]) => {
    if (key === '$or' || key === '$and') return branchesFinder(key, own as unknown[]);
    return key === '$not' ? negatedFinder(own) : keyFinder(key, own);
  });
  return (place, search) => {
    if (!isObject(place.input)) return add(search, { ...place, schema });
    for (const find of finders) find(place, search);
  };
}

/** Goes into each branch that does not match; of an `$or` only where none does. */
function branchesFinder(name: '$or' | '$and', branches: unknown[]): Find {
  const finders = branches.map((branch) => ({ ...compiled(branch), find: finderOf(branch) }));
  return (place, search) => {
    const failing = finders.filter(({ whole }) => !matches(whole, place.input, search));
    if (name === '$or' && failing.length < branches.length) return;
    if (branches.length === 0 && name === '$or') add(search, { ...place, schema: { $or: [] } });
    for (const { find } of failing) find(place, search);
  };
}

function keyFinder(key: string, schema: unknown): Find {
  const { value } = compiled(schema);
  const find = finderOf(schema, { isValue: true });
  const mayBeMissing = isObject(schema) && schema['$exist'] === false;
  return ({ keys, input }, search) => {
    const own = { keys: [...keys, key], input: valueAt(input, key) };
    const isMissing = own.input === undefined && !mayBeMissing;
    if (isMissing) add(search, { ...own, schema });
    else if (!matches(value, own.input, search)) find(own, search);
  };
}

/** A condition that matched and should not have: told of the one key it names, where it names one. */
function negatedFinder(schema: unknown): Find {
  const { whole } = compiled(schema);
  return (place, search) => {
    if (!matches(whole, place.input, search)) return;
    const { keys, input } = place;
    let named: Place = { keys, schema, input };
    for (let key = onlyKey(named); key !== null; key = onlyKey(named)) {
      const inner = (named.schema as Record<string, unknown>)[key];
      named = { keys: [...named.keys, key], schema: inner, input: valueAt(named.input, key) };
    }
    add(search, { ...named, schema: { $not: named.schema } });
  };
}

function onlyKey({ schema, input }: Place): string | null {
  if (!isObject(schema) || !saysOfKeysAlone(schema) || !isObject(input)) return null;
  const [key, ...others] = Object.keys(schema);
  return key === undefined || key.startsWith('$') || others.length > 0 ? null : key;
}

function matches(evaluate: CompiledSchema['whole'], input: unknown, search: Search): boolean {
  if (search.found.length >= MAX_MISMATCHES) return true;
  try {
    return evaluate(input, search.root, search.evaluation);
  } catch (error) {
    if (error !== UNREADABLE_REFERENCE) throw error;
    search.evaluation.indexes.length = 0;
    return false;
  }
}

function add(search: Search, place: Place): void {
  if (search.found.length < MAX_MISMATCHES) search.found.push(place);
}

function compiled(schema: unknown): CompiledSchema {
  return compileSchema(withEqualNumbers(schema));
}

/** Whether a schema says something of keys, and not of the value that holds them. */
function saysOfKeysAlone(schema: Record<string, unknown>): boolean {
  const { $or, $and, $ref } = schema;
  const isReadable = [$or, $and].every((list) => list === undefined || Array.isArray(list));
  return isReadable && !$ref && !Object.keys(schema).some(isOperator);
}

function valueAt(input: unknown, key: string): unknown {
  return isObject(input) && Object.hasOwn(input, key) ? input[key] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && !isPrimitive(value) && !Array.isArray(value);
}

function shown({ keys, schema, input }: Place): Mismatch {
  const isSecret = keys.some(isSecretName);
  return {
    path: keys.map(step).join(''),
    expected: isSecret ? REDACTED : shownValue(schema),
    ...(input !== undefined && { actual: isSecret ? REDACTED : shownValue(input) }),
  };
}

function step(key: string, index: number): string {
  if (!/^[\w$-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
  return index === 0 ? key : `.${key}`;
}
