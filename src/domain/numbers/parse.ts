import { canonicalNumber, fitsDouble } from './decimal.ts';
import { doubleOf, ExactNumber } from './exact-number.ts';

// Both look at the text alone, and may be wrong about digits inside of strings: then a look at each number decides.
// Sixteen digits, or an exponent of three: no shorter number is more than a double holds.
const LARGE = /(?:^|[\s:,[])-?(?:\d[\d.]{15}|\d[\d.]*[eE][+-]?\d{3})/;
// Zeros at the end of a fraction, any exponent, a negative zero, and what JavaScript writes with an exponent.
const UNUSUAL =
  /(?:^|[\s:,[])-?(?:\d[\d.]{15}|\d+(?:\.\d*)?[eE]|\d+\.\d*0(?=[\s,\]}]|$)|0\.000000|(?<=-)0(?=[\s,\]}]|$))/;

/**
 * Parses JSON so that equal numbers are equal and others are not: what a double cannot hold becomes an exact number in
 * its one form, all others are doubles. Throws where JSON.parse does.
 */
export function parseWithEqualNumbers(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!LARGE.test(text)) return value;
  return withNumbers(text, value, (source) =>
    fitsDouble(source) ? null : new ExactNumber(canonicalNumber(source)),
  );
}

/** Whether JSON holds a number that JSON.stringify would write otherwise; now and then also where it does not. */
export function mayHoldUnusualNumbers(text: string): boolean {
  return UNUSUAL.test(text);
}

/** Parses JSON so that JSON.stringify writes each number as it was written. Throws where JSON.parse does. */
export function parseAsWritten(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!UNUSUAL.test(text)) return value;
  return withNumbers(text, value, (source) =>
    `${Number(source)}` === source ? null : new ExactNumber(source),
  );
}

/** Stands in for a number that was read as a double; null leaves the double. */
type Substitute = (source: string) => ExactNumber | null;

function withNumbers(text: string, value: unknown, substitute: Substitute): unknown {
  const root = { '': value };
  visitNumbers(text, { root }, (holder, key, source) => {
    const double = Number(source);
    const found = holder[key];
    // Of members with the same name the last one counts: this may be another one.
    if (!Object.is(found instanceof ExactNumber ? doubleOf(found) : found, double)) return;
    holder[key] = substitute(source) ?? double;
  });
  return root[''];
}

type Holder = Record<string | number, unknown>;
type Place = { holder: Holder | null; isList: boolean; key: string | number };

const NUMBER = /[-\d][\d.eE+-]*/y;
// Most of a text is strings and short numbers: only what may be unusual is looked at further.
const PLAIN = /^-?[1-9]\d{0,14}$/;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Walks through JSON that JSON.parse has read, and tells of the numbers in it where each stands in the parsed value.
 * A reviver does the same at six times the time and several times the memory.
 */
function visitNumbers(
  text: string,
  { root }: { root: Holder },
  visit: (holder: Holder, key: string | number, source: string) => void,
): void {
  const outer: Place[] = [];
  let place: Place = { holder: root, isList: false, key: '' };
  let isName = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      const end = endOfString(text, at);
      if (isName) place.key = nameIn(text, at, end);
      at = end;
    } else if (unit === COMMA) {
      if (place.isList) place.key = (place.key as number) + 1;
      else isName = true;
    } else if (unit === COLON) {
      isName = false;
    } else if (unit === OPEN_OBJECT || unit === OPEN_LIST) {
      outer.push(place);
      const isList = unit === OPEN_LIST;
      place = { holder: containerAt(place, isList), isList, key: isList ? 0 : '' };
      isName = !isList;
    } else if (unit === CLOSE_OBJECT || unit === CLOSE_LIST) {
      place = outer.pop() ?? place;
      isName = false;
    } else if (unit === 0x2d || (unit >= 0x30 && unit <= 0x39)) {
      NUMBER.lastIndex = at;
      const source = NUMBER.exec(text)?.[0] ?? '';
      at += source.length - 1;
      if (place.holder !== null && !PLAIN.test(source)) visit(place.holder, place.key, source);
    }
  }
}

/** What was parsed at a place; null where another member of the same name has taken it. */
function containerAt({ holder, key }: Place, isList: boolean): Holder | null {
  const value = holder?.[key];
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== isList) return null;
  return value as Holder;
}

function nameIn(text: string, from: number, end: number): string {
  const name = text.slice(from + 1, end);
  return name.includes('\\') ? (JSON.parse(text.slice(from, end + 1)) as string) : name;
}

function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
