import type { Ajv, FuncKeywordDefinition, SchemaValidateFunction } from 'ajv';
import { compareNumbers, isMultiple } from '../../domain/numbers/decimal.ts';
import { ExactNumber } from '../../domain/numbers/exact-number.ts';
import { canonicalJson } from '../../domain/payload-path.ts';
import { spend } from './steps.ts';

/** A body for a validator: doubles all through, with the exact numbers beside them. */
export type ExactBody = { root: { '': unknown }; value: unknown };

type Holder = Record<string | number, unknown>;

// A validator hands its keywords the holder of a value, by which its exact number is found again.
const exact = new WeakMap<object, Map<string, ExactNumber>>();

/** Takes a parsed body apart, in place: a stand-in for each exact number, whole where that is whole. */
export function exactBody(parsed: unknown): ExactBody {
  const root = { '': parsed };
  const open: Holder[] = [root];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    for (const [key, value] of Object.entries(holder)) {
      if (value instanceof ExactNumber) {
        const known = exact.get(holder) ?? new Map<string, ExactNumber>();
        exact.set(holder, known.set(key, value));
        holder[key] = isMultiple(value.text, '1') ? 1 : 0.5;
      } else if (typeof value === 'object' && value !== null) open.push(value as Holder);
    }
  }
  return { root, value: root[''] };
}

/** Puts keywords that compare by exact value in the place of those that compare doubles. */
export function addExactKeywords(ajv: Ajv): void {
  for (const keyword of KEYWORDS) {
    ajv.removeKeyword(keyword.keyword as string);
    ajv.addKeyword(keyword);
  }
}

const KEYWORDS: FuncKeywordDefinition[] = [
  limit('maximum', '<=', (order) => order <= 0),
  limit('minimum', '>=', (order) => order >= 0),
  limit('exclusiveMaximum', '<', (order) => order < 0),
  limit('exclusiveMinimum', '>', (order) => order > 0),
  numeric('multipleOf', (text, divisor) => isMultiple(text, divisor), 'must be multiple of'),
  keyword(
    'const',
    (given, wanted) => textOf(given) === textOf(wanted),
    'must be equal to constant',
  ),
  keyword(
    'enum',
    (given, wanted) => (wanted as unknown[]).some((one) => textOf(given) === textOf(one)),
    'must be equal to one of the allowed values',
  ),
  keyword(
    'uniqueItems',
    (given, wanted) =>
      wanted !== true || !Array.isArray(given) || new Set(given.map(textOf)).size === given.length,
    'must NOT have duplicate items',
  ),
];

function limit(
  name: string,
  sign: string,
  holds: (order: -1 | 0 | 1) => boolean,
): FuncKeywordDefinition {
  const test = (text: string, bound: string) => holds(compareNumbers(text, bound) ?? 0);
  return numeric(name, test, `must be ${sign}`);
}

function numeric(
  name: string,
  test: (text: string, operand: string) => boolean,
  message: string,
): FuncKeywordDefinition {
  const passes = (given: unknown, operand: unknown) =>
    !isNumber(given) || !isNumber(operand) || test(String(given), String(operand));
  return keyword(name, passes, (operand) => `${message} ${String(operand)}`);
}

function keyword(
  name: string,
  passes: (given: unknown, operand: unknown) => boolean,
  message: string | ((operand: unknown) => string),
): FuncKeywordDefinition {
  const validate: SchemaValidateFunction = (operand: unknown, data: unknown, _schema, place) => {
    spend(1);
    const given = exactly(data, place?.parentData, place?.parentDataProperty);
    if (passes(given, operand)) return true;
    const text = typeof message === 'string' ? message : message(operand);
    validate.errors = [{ keyword: name, params: {}, message: text }];
    return false;
  };
  return { keyword: name, validate, errors: true };
}

function isNumber(value: unknown): value is number | ExactNumber {
  return typeof value === 'number' || value instanceof ExactNumber;
}

/** A value with its exact numbers in the place of their stand-ins. */
function exactly(value: unknown, holder?: Holder, key?: string | number): unknown {
  if (typeof value === 'number') {
    return (holder === undefined ? undefined : exact.get(holder)?.get(String(key))) ?? value;
  }
  if (typeof value !== 'object' || value === null) return value;
  spend(Object.keys(value).length);
  const entries = Object.entries(value).map(([name, part]) => {
    return [name, exactly(part, value as Holder, name)] as const;
  });
  return Array.isArray(value) ? entries.map(([, part]) => part) : Object.fromEntries(entries);
}

function textOf(value: unknown): string {
  return canonicalJson(value);
}
