import { ExactNumber } from '../numbers/exact-number.ts';
import { exactlyEqual, exactOrder, needsExactness } from './comparison.ts';
import { canonicalTextOf, spend, textOf } from './evaluation.ts';
import type { Evaluation } from './evaluation.ts';

export type Primitive = string | number | boolean | ExactNumber | null;

/** One operator with its operand; false where the input's type is none it works on. */
export type OperatorTest = (input: unknown, evaluation: Evaluation) => boolean;

const never: OperatorTest = () => false;

/** The operators on values, each turned into a test once its operand is known. */
export const OPERATORS = {
  $eq: equalTo,
  $neq: (operand) => negate(equalTo(operand)),
  $in: (operand) => membership(operand, true),
  $nin: (operand) => membership(operand, false),
  $startsWith: (operand) => affix(operand, (input, affix) => input.startsWith(affix)),
  $endsWith: (operand) => affix(operand, (input, affix) => input.endsWith(affix)),
  $gt: (operand) => ordered(operand, (input, limit) => input > limit),
  $gte: (operand) => ordered(operand, (input, limit) => input >= limit),
  $lt: (operand) => ordered(operand, (input, limit) => input < limit),
  $lte: (operand) => ordered(operand, (input, limit) => input <= limit),
  $exist: existence,
} as const satisfies Record<string, (operand: unknown) => OperatorTest>;

export type OperatorName = keyof typeof OPERATORS;

export function isOperator(key: string): key is OperatorName {
  return Object.hasOwn(OPERATORS, key);
}

export function isPrimitive(value: unknown): value is Primitive {
  if (value === null) return true;
  const type = typeof value;
  if (type === 'object') return value instanceof ExactNumber;
  return type === 'string' || type === 'number' || type === 'boolean';
}

/** JavaScript's loose equality of primitives, by exact value: `"1"` equals `1`, `true` equals `1`, null only null. */
export function looselyEqual(left: unknown, right: unknown): boolean {
  if (typeof left === 'string' && typeof right === 'string') return left === right;
  return needsExactness(left, right) ? exactlyEqual(left, right) : left == right;
}

function negate(test: OperatorTest): OperatorTest {
  return (input, evaluation) => !test(input, evaluation);
}

/**
 * Objects and lists compare by their members, whatever the order of keys: PostgreSQL gives an operand back in an order
 * of its own. With a string they compare as JSON text, in the order of their keys.
 */
function equalTo(operand: unknown): OperatorTest {
  if (isPrimitive(operand) || typeof operand !== 'object') {
    return (input, evaluation) => {
      if (isPrimitive(input) || typeof input !== 'object') return looselyEqual(input, operand);
      return typeof operand === 'string' && textOf(input, evaluation) === operand;
    };
  }
  return (input, evaluation) => {
    if (typeof input === 'string') return input === textOf(operand, evaluation);
    if (typeof input !== 'object' || isPrimitive(input)) return false;
    return canonicalTextOf(input, evaluation) === canonicalTextOf(operand, evaluation);
  };
}

/** Whether a value is one that `$gt`, `$in` and their like work on. */
export function isStringOrNumber(value: unknown): value is string | number | ExactNumber {
  return typeof value === 'string' || typeof value === 'number' || value instanceof ExactNumber;
}

/** `$in` and `$nin`: neither matches where the input or the operand is of a type they do not work on. */
function membership(operand: unknown, wanted: boolean): OperatorTest {
  if (Array.isArray(operand)) {
    if (!operand.every(isStringOrNumber)) return never;
    const members = new Set<unknown>(operand.filter((member) => !(member instanceof ExactNumber)));
    const exact = new Set(operand.filter((member) => member instanceof ExactNumber).map(String));
    return (input) => {
      if (typeof input === 'string') return members.has(input) === wanted;
      if (!isPrimitive(input)) return false;
      const known = input instanceof ExactNumber ? exact.has(input.text) : members.has(input);
      return known === wanted;
    };
  }
  if (!isStringOrNumber(operand)) return never;
  const part = String(operand);
  return (input) => typeof input === 'string' && input.includes(part) === wanted;
}

function affix(operand: unknown, has: (input: string, affix: string) => boolean): OperatorTest {
  const affixes: unknown[] = Array.isArray(operand) ? operand : [operand];
  if (!affixes.every((text) => typeof text === 'string')) return never;
  return (input, evaluation) => {
    if (typeof input !== 'string') return false;
    spend(evaluation, affixes.length);
    return affixes.some((text) => has(input, text));
  };
}

function ordered(
  operand: unknown,
  compare: (input: string | number, limit: string | number) => boolean,
): OperatorTest {
  if (!isStringOrNumber(operand)) return never;
  const type = typeof operand;
  return (input) => {
    if (typeof input === type && type !== 'object')
      return compare(input as string, operand as string);
    if (!isStringOrNumber(input)) return false;
    if (!needsExactness(input, operand)) return compare(input as string, operand as string);
    const order = exactOrder(input, operand);
    return order !== null && compare(order, 0);
  };
}

function existence(operand: unknown): OperatorTest {
  if (typeof operand !== 'boolean') return never;
  return (input) => (input !== undefined) === operand;
}
