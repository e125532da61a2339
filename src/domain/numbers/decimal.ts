const NUMBER = /^\s*([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?)(\d+))?\s*$/;
// Where a number is written out in full; beyond, as JavaScript writes its own large numbers.
const MOST_ZEROS_BEFORE = 6;
const LONGEST_WHOLE = 100;
// No number of this world has such an exponent, and reading one takes time that grows with its square.
const LONGEST_EXPONENT = 1_000;
const EXACT_DIGITS = 15;
/** Most numbers that are more than a double, and those of which a body can hold most: ids, which JavaScript writes in full. */
const SHORT_WHOLE = /^-?[1-9]\d{0,19}$/;

/** A number as its digits: `0.digits × 10^point`; zero has no digits. */
type Decimal = { negative: boolean; digits: string; point: number | bigint };

/** Reads a number as JSON or a person writes it; null where the text is none. Linear in the text, whatever the exponent. */
function decimalOf(text: string): Decimal | null {
  const match = NUMBER.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', exponentSign, exponent = '0'] = match;
  const all = whole + fraction;
  const from = countZeros(all, 1);
  const digits = all.slice(from, all.length - countZeros(all, -1));
  if (from === all.length) return { negative: false, digits: '', point: 0 };
  const negative = sign === '-';
  const power = exponent.slice(countZeros(exponent, 1));
  // Told apart by their texts alone.
  if (power.length > LONGEST_EXPONENT) {
    return {
      negative,
      digits: text.trim().replace(/^[+-]/, ''),
      point: exponentSign === '-' ? -Infinity : Infinity,
    };
  }
  const shift = whole.length - from;
  if (power.length <= EXACT_DIGITS) {
    return { negative, digits, point: Number(`${exponentSign ?? ''}${power || '0'}`) + shift };
  }
  const exact = BigInt(power);
  return { negative, digits, point: (exponentSign === '-' ? -exact : exact) + BigInt(shift) };
}

// A pattern such as /0+$/ would start anew at each of a million zeros.
function countZeros(text: string, step: 1 | -1): number {
  let count = 0;
  let at = step === 1 ? 0 : text.length - 1;
  for (; text[at] === '0'; at += step) count++;
  return count;
}

/**
 * The one text for a number's exact value: `1.10`, `11e-1` and `1.1` have the same. Valid JSON, and what JavaScript
 * writes for a double up to its 21 digits. The text itself where it is no number.
 */
export function canonicalNumber(text: string): string {
  if (SHORT_WHOLE.test(text)) return text;
  const decimal = decimalOf(text);
  if (decimal === null) return text;
  const { negative, digits, point } = decimal;
  if (digits === '') return '0';
  return (negative ? '-' : '') + written(digits, point);
}

function written(digits: string, point: number | bigint): string {
  if (typeof point === 'number' && point > -MOST_ZEROS_BEFORE && point <= LONGEST_WHOLE) {
    if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
    if (point >= digits.length) return digits + '0'.repeat(point - digits.length);
    return `${digits.slice(0, point)}.${digits.slice(point)}`;
  }
  if (point === Infinity || point === -Infinity) return digits;
  const power = typeof point === 'bigint' ? point - 1n : point - 1;
  const rest = digits.length > 1 ? `.${digits.slice(1)}` : '';
  return `${digits[0]}${rest}e${power < 0 ? '' : '+'}${power}`;
}

/** -1, 0 or 1 by the exact values of two texts; null where one of them is no number. */
export function compareNumbers(left: string, right: string): -1 | 0 | 1 | null {
  const [a, b] = [decimalOf(left), decimalOf(right)];
  if (a === null || b === null) return null;
  const signs = signOf(a) - signOf(b);
  if (signs !== 0) return signs < 0 ? -1 : 1;
  return a.negative ? compareSizes(b, a) : compareSizes(a, b);
}

function signOf({ negative, digits }: Decimal): number {
  if (digits === '') return 0;
  return negative ? -1 : 1;
}

function compareSizes(a: Decimal, b: Decimal): -1 | 0 | 1 {
  if (a.point < b.point) return -1;
  if (a.point > b.point) return 1;
  // Neither ends in zeros: the one that goes on where the other ends is the larger.
  if (a.digits === b.digits) return 0;
  return a.digits < b.digits ? -1 : 1;
}

/** Whether a double holds the exact value of a number's text, so that nothing is lost by reading it as one. */
export function fitsDouble(text: string): boolean {
  if (SHORT_WHOLE.test(text)) return `${Number(text)}` === text;
  const double = Number(text);
  return Number.isFinite(double) && canonicalNumber(text) === canonicalNumber(`${double}`);
}

// Beyond, a division would cost more than it tells.
const LONGEST_DIVIDED = 1_000;

/** Whether a number is a whole multiple of another one; of very long ones, whether its last digit is no finer. */
export function isMultiple(text: string, of: string): boolean {
  const [a, b] = [decimalOf(text), decimalOf(of)];
  if (a === null || b === null || a.digits === '' || b.digits === '') return true;
  // Both as whole numbers of the finer one's last digit.
  const [fineA, fineB] = [a, b].map(({ point, digits }) => Number(point) - digits.length);
  const shift = (fineA ?? 0) - (fineB ?? 0);
  if (a.digits.length + b.digits.length + Math.abs(shift) > LONGEST_DIVIDED) return shift >= 0;
  const scaledA = BigInt(a.digits) * 10n ** BigInt(Math.max(shift, 0));
  const scaledB = BigInt(b.digits) * 10n ** BigInt(Math.max(-shift, 0));
  return scaledA % scaledB === 0n;
}
