import { MAX_SCHEMA_DEPTH } from './filter/compile.ts';
import { OPERATORS, isOperator, isPrimitive, isStringOrNumber } from './filter/operators.ts';
import type { OperatorName } from './filter/operators.ts';
import { parseReference } from './filter/reference.ts';

/** A part of a filter that cannot mean anything; `path` leads to it, empty for the whole filter. */
export type FilterFault = { path: string; message: string };

const MAX_FAULTS = 20;
const TOO_DEEP = `is nested deeper than ${MAX_SCHEMA_DEPTH} levels`;
const COMBINATIONS = ['$or', '$and', '$not', '$ref'];
const KNOWN = [...Object.keys(OPERATORS), ...COMBINATIONS].join(', ');

type Visit = { path: string; depth: number; faults: FilterFault[] };

/** Names the parts of a filter that cannot work, at most twenty; an empty list means it can be saved. */
export function validateFilter(schema: unknown): FilterFault[] {
  const faults: FilterFault[] = [];
  checkSchema(schema, { path: '', depth: 0, faults });
  return faults.slice(0, MAX_FAULTS);
}

function checkSchema(schema: unknown, visit: Visit): void {
  if (isPrimitive(schema) || visit.faults.length >= MAX_FAULTS) return;
  if (typeof schema !== 'object') {
    report(visit, 'must be a string, number, boolean, null, object or array');
  } else if (visit.depth > MAX_SCHEMA_DEPTH) {
    report(visit, TOO_DEEP);
  } else if (Array.isArray(schema)) {
    for (const [index, part] of schema.entries()) checkSchema(part, enter(visit, index));
  } else {
    for (const [key, part] of Object.entries(schema)) checkKey(key, part, enter(visit, key));
  }
}

function checkKey(key: string, part: unknown, visit: Visit): void {
  if (isOperator(key)) return checkOperand(key, part, visit);
  if (key === '$ref') return checkReference(part, visit);
  if (key === '$or' || key === '$and') {
    if (!Array.isArray(part)) return report(visit, 'must be an array of filters');
  } else if (key !== '$not' && key.startsWith('$')) {
    return report(visit, `is not an operator; operators are ${KNOWN}`);
  }
  checkSchema(part, visit);
}

function checkOperand(name: OperatorName, operand: unknown, visit: Visit): void {
  if (typeof operand === 'object' && operand !== null && '$ref' in operand) {
    return checkReference(operand.$ref, enter(visit, '$ref'));
  }
  if (exceedsDepth(operand, MAX_SCHEMA_DEPTH - visit.depth)) return report(visit, TOO_DEEP);
  const { takes, message } = OPERANDS[name];
  if (!takes(operand)) report(visit, message);
}

function checkReference(text: unknown, visit: Visit): void {
  if (typeof text === 'string' && parseReference(text) !== null) return;
  report(
    visit,
    'must be a path such as order.total, items[0].id, items[$index].id or ["content-type"]',
  );
}

type OperandRule = { takes: (operand: unknown) => boolean; message: string };

const isString = (value: unknown) => typeof value === 'string';
const isListOf = (value: unknown, is: (element: unknown) => boolean) =>
  Array.isArray(value) && value.every(is);

const anything: OperandRule = { takes: (operand) => operand !== undefined, message: 'is missing' };
const scalar: OperandRule = { takes: isStringOrNumber, message: 'must be a string or a number' };
const member: OperandRule = {
  takes: (operand) => isStringOrNumber(operand) || isListOf(operand, isStringOrNumber),
  message: 'must be a string, a number or an array of them',
};
const affix: OperandRule = {
  takes: (operand) => isString(operand) || isListOf(operand, isString),
  message: 'must be a string or an array of strings',
};

const OPERANDS: Record<OperatorName, OperandRule> = {
  $eq: anything,
  $neq: anything,
  $gt: scalar,
  $gte: scalar,
  $lt: scalar,
  $lte: scalar,
  $in: member,
  $nin: member,
  $startsWith: affix,
  $endsWith: affix,
  $exist: { takes: (operand) => typeof operand === 'boolean', message: 'must be true or false' },
};

function exceedsDepth(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels < 0 || Object.values(value).some((part) => exceedsDepth(part, levels - 1));
}

function enter({ path, depth, faults }: Visit, step: string | number): Visit {
  return { path: path + written(step, path === ''), depth: depth + 1, faults };
}

function written(step: string | number, first: boolean): string {
  if (typeof step === 'number') return `[${step}]`;
  if (!/^[\w$-]+$/.test(step)) return `[${JSON.stringify(step)}]`;
  return first ? step : `.${step}`;
}

function report({ path, faults }: Visit, message: string): void {
  faults.push({ path, message });
}
