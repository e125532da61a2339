import { canonicalNumber, fitsDouble } from './decimal.ts';

// Known to V8 and to ECMAScript 2026, not yet to the types.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/** A number of JSON that is more than a double: JSON.stringify writes it with the digits it was made of. */
export class ExactNumber {
  readonly #text: string;

  /** `text` must be a number of JSON. */
  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }

  toString(): string {
    return this.#text;
  }

  toJSON(): object {
    return rawJSON(this.#text);
  }
}

/** The nearest double, as JSON.parse would have read it. */
export function doubleOf(number: ExactNumber): number {
  return Number(number.text);
}

/** A copy with doubles in the place of exact numbers; the value itself where there are none. */
export function withDoubles<Value>(value: Value): Value {
  return replaceExact(value, doubleOf) as Value;
}

/**
 * A copy in which equal numbers are equal: a double where that holds the number's exact value, and an exact number in
 * its one form where it does not. The value itself where it holds no exact numbers.
 */
export function withEqualNumbers(value: unknown): unknown {
  return replaceExact(value, equalNumber);
}

function equalNumber(number: ExactNumber): number | ExactNumber {
  const { text } = number;
  return fitsDouble(text) ? doubleOf(number) : new ExactNumber(canonicalNumber(text));
}

type Replacement = (number: ExactNumber) => unknown;

function replaceExact(value: unknown, replacement: Replacement): unknown {
  if (value instanceof ExactNumber) return replacement(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const copy = value.map((item: unknown) => replaceExact(item, replacement));
    return copy.some((item, index) => item !== value[index]) ? copy : (value as unknown);
  }
  const entries = Object.entries(value);
  const copy = entries.map(([key, item]) => [key, replaceExact(item, replacement)] as const);
  if (copy.every(([, item], index) => item === entries[index]?.[1])) return value;
  return Object.fromEntries(copy);
}
