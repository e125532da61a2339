import { canonicalNumber, compareNumbers } from '../numbers/decimal.ts';
import { ExactNumber } from '../numbers/exact-number.ts';

// A text of fewer characters, without an exponent, is no number that a double would change.
const LONGEST_SAFE_TEXT = 15;

/** Whether two plain values have to be compared by their digits: as doubles, numbers that differ would be equal. */
export function needsExactness(left: unknown, right: unknown): boolean {
  if (left instanceof ExactNumber || right instanceof ExactNumber) return true;
  if (typeof left === 'string') return typeof right === 'number' && isLong(left);
  return typeof right === 'string' && typeof left === 'number' && isLong(right);
}

function isLong(text: string): boolean {
  return text.length > LONGEST_SAFE_TEXT || /e/i.test(text);
}

/** Loose equality of two plain values by exact value. */
export function exactlyEqual(left: unknown, right: unknown): boolean {
  if (left instanceof ExactNumber && right instanceof ExactNumber) return left.text === right.text;
  const [a, b] = [textOf(left), textOf(right)];
  // An exact number is one that no double equals.
  if (a === null || b === null) return false;
  return canonicalNumber(a) === canonicalNumber(b);
}

/** -1, 0 or 1 by exact value; null where one of the two is no number. */
export function exactOrder(left: unknown, right: unknown): -1 | 0 | 1 | null {
  const [a, b] = [textOf(left), textOf(right)];
  return a === null || b === null ? null : compareNumbers(a, b);
}

/** A plain value as the text of a number; null for what no number is compared with. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') {
    const double = Number(value);
    // Read as JavaScript does: 0x1f is a number, and so is a text without one.
    return /[xob]/i.test(value) || value.trim() === '' ? `${double}` : value;
  }
  if (value instanceof ExactNumber) return value.text;
  return typeof value === 'number' ? `${value}` : null;
}
