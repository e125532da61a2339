import { canonicalJson } from '../payload-path.ts';
/** What one evaluation carries with it: where in nested lists it stands, what it may still spend, what it worked out. */
export type Evaluation = {
  /** Indexes of the list elements being looked at, outermost first; `[$index]` reads them. */
  indexes: number[];
  stepsLeft: number;
  remembered: Map<string, Map<object, unknown>> | null;
};

/**
 * Elements one evaluation may look at, as many as the largest body can hold twice over. A payload
 * chooses how long its lists are and, through `$ref`, what they are compared with; the product of
 * the two must not hold a worker up.
 */
const MAX_STEPS = 10_000_000;

/** A `$ref` that cannot be read; ends the nearest object schema as "no match". */
export const UNREADABLE_REFERENCE = new Error('The reference cannot be read.');

const EXHAUSTED = new Error('The filter looked at too many elements.');

export function startEvaluation(): Evaluation {
  return { indexes: [], stepsLeft: MAX_STEPS, remembered: null };
}

/** Counts looks at elements; throws when the evaluation has had its share. */
export function spend(evaluation: Evaluation, steps = 1): void {
  evaluation.stepsLeft -= steps;
  if (evaluation.stepsLeft < 0) throw EXHAUSTED;
}

/** What `make` says of a value of the payload, worked out once an evaluation however often it is asked. */
export function remember<T>(
  evaluation: Evaluation,
  { name, subject, make }: { name: string; subject: object; make: () => T },
): T {
  evaluation.remembered ??= new Map();
  let known = evaluation.remembered.get(name);
  if (known === undefined) evaluation.remembered.set(name, (known = new Map()));
  if (!known.has(subject)) known.set(subject, make());
  return known.get(subject) as T;
}

/** The JSON text of an object or list. */
export function textOf(value: object, evaluation: Evaluation): string {
  const make = () => JSON.stringify(value);
  return remember(evaluation, { name: 'text', subject: value, make });
}

/** The JSON text of an object or list with the keys of every object in order: equal values have equal texts. */
export function canonicalTextOf(value: object, evaluation: Evaluation): string {
  const make = () => canonicalJson(value);
  return remember(evaluation, { name: 'canonical text', subject: value, make });
}

/** Whether some element passes, each looked at with its index on record for `[$index]`. */
export function someElement(
  elements: readonly unknown[],
  evaluation: Evaluation,
  passes: (element: unknown) => boolean,
): boolean {
  const level = evaluation.indexes.length;
  evaluation.indexes.push(0);
  let found = false;
  for (let index = 0; index < elements.length && !found; index++) {
    spend(evaluation);
    evaluation.indexes[level] = index;
    found = passes(elements[index]);
  }
  evaluation.indexes.length = level;
  return found;
}
