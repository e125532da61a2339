import { UNREADABLE_REFERENCE, remember } from './evaluation.ts';
import type { Evaluation } from './evaluation.ts';
import { OPERATORS, isOperator, isPrimitive } from './operators.ts';
import type { OperatorName, OperatorTest } from './operators.ts';
import { parseReference, readReference } from './reference.ts';

/** Reads a `$ref` at the time of evaluation; throws where it cannot be read. */
export type Resolve = (root: unknown, evaluation: Evaluation) => unknown;

/** An operator as a list meets it (its operand taken as written) and as any other value does. */
export type CompiledOperator = {
  asWritten: OperatorTest;
  resolved: (input: unknown, root: unknown, evaluation: Evaluation) => boolean;
};

/** The operators among a schema's keys, with their operands compiled. */
export function compileOperators(schema: object): CompiledOperator[] {
  return Object.entries(schema).flatMap(([key, operand]) =>
    isOperator(key) ? [compileOperator(key, operand)] : [],
  );
}

export function compileReference(text: unknown): Resolve {
  const reference = typeof text === 'string' ? parseReference(text) : null;
  return (root, { indexes }) => {
    if (reference === null) throw UNREADABLE_REFERENCE;
    return readReference(reference, { root, indexes });
  };
}

function compileOperator(name: OperatorName, operand: unknown): CompiledOperator {
  const asWritten = OPERATORS[name](operand);
  const text = referenceIn(operand);
  if (!text)
    return { asWritten, resolved: (input, _root, evaluation) => asWritten(input, evaluation) };

  const resolve = compileReference(text);
  const resolved: CompiledOperator['resolved'] = (input, root, evaluation) => {
    const found = resolve(root, evaluation);
    const make = () => OPERATORS[name](found);
    const test =
      isPrimitive(found) || found === undefined
        ? make()
        : remember(evaluation, { name, subject: found, make });
    return test(input, evaluation);
  };
  return { asWritten, resolved };
}

function referenceIn(operand: unknown): unknown {
  if (typeof operand !== 'object' || operand === null) return undefined;
  return (operand as Record<string, unknown>)['$ref'];
}
