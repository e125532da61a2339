// Numbers that a double cannot hold, or that JavaScript would write otherwise: what each was written as is remembered
// beside them, by the place it stands at, and found again by its value where code has moved it.
import { fitsDouble } from '../../domain/numbers/decimal.ts';
import { addOriginal, sourceInOriginal } from './copies.ts';
import { ownTable } from './own-table.ts';

export type Reviver = (
  this: object,
  key: string,
  value: unknown,
  context: { source?: string },
) => unknown;

const { parse } = JSON as unknown as { parse(text: string, reviver: Reviver): unknown };
const { create, is } = Object;
const { isArray } = Array;
const { isInteger } = Number;
const { apply } = Reflect;

type Sources = {
  readonly holder: object;
  readonly byKey: Record<string, string>;
  judgedIn: number;
  isTrusted: boolean;
};

const places = ownTable<object, Sources>();
const all: Sources[] = [];
/** Texts in which these numbers stood. */
const texts: string[] = [];
/** The doubles of such numbers, and whether one stands for a number it is not. */
const marked = ownTable<number, boolean>();
/** The doubles that do. */
export const roundedValues: number[] = [];
/** Counts what is written: a list is judged once for each. */
let writing = 0;

/** Must be called before values are written. */
export function beginWriting(): void {
  writing++;
}

/** Reads JSON, and remembers how its numbers were written. */
export function readRemembering(text: string, then?: Reviver): unknown {
  texts[texts.length] = text;
  isIndexed = false;
  return parse(text, function (key, value, context) {
    if (typeof value === 'number') {
      const { source } = context;
      // A long number that is a double is remembered too: others may round to it.
      if (source !== undefined && (source !== `${value}` || source.length >= 16)) {
        remember({ holder: this, key, value, source });
      }
    }
    return then === undefined ? value : apply(then, this, [key, value, context]);
  });
}

type Written = { holder: object; key: string; value: number; source: string };

function remember({ holder, key, value, source }: Written): void {
  let sources = places.get(holder);
  if (sources === undefined) {
    const byKey = create(null) as Record<string, string>;
    sources = { holder, byKey, judgedIn: 0, isTrusted: true };
    places.set(holder, sources);
    all[all.length] = sources;
  }
  sources.byKey[key] = source;
  if (marked.get(value) === true) return;
  const isRounded = source !== `${value}` && !isSurelyDouble(value, source) && !fitsDouble(source);
  marked.set(value, isRounded);
  if (isRounded) roundedValues[roundedValues.length] = value;
}

/** Fewer than sixteen digits, far from where doubles end: most prices, at a tenth of the cost. */
function isSurelyDouble(value: number, source: string): boolean {
  const size = value < 0 ? -value : value;
  return source.length < 16 && size > 1e-300 && size < 1e300;
}

// In a list whose marked elements have moved, equal doubles may have changed places.
function isAsItWas(list: readonly unknown[], sources: Sources): boolean {
  if (sources.judgedIn === writing) return sources.isTrusted;
  sources.judgedIn = writing;
  sources.isTrusted = true;
  for (const key in sources.byKey) {
    if (!is(list[+key], +(sources.byKey[key] ?? ''))) sources.isTrusted = false;
  }
  return sources.isTrusted;
}

/** What a number was written as; null where several numbers are one double, undefined where nothing is known. */
export function sourceOf(holder: object, key: string, value: number): string | null | undefined {
  const isRounded = marked.get(value);
  if (isRounded === undefined) return undefined;
  const own = places.get(holder);
  const source = own?.byKey[key];
  const isList = isArray(holder);
  if (own !== undefined && source !== undefined && is(+source, value)) {
    if (!isList || isAsItWas(holder, own)) return source;
  }
  index();
  const name = `${key}\n${value}`;
  // Elements have no names.
  const byName = isList ? undefined : named.get(name);
  // Zeros are everywhere: one that was moved says nothing of where it came from.
  if (value === 0) return byName ?? undefined;
  const known = anywhere.get(value);
  if (isRounded) return known ?? byName ?? (isList ? null : sourceInOriginal(holder, key, name));
  if (known === undefined) return undefined;
  // A whole number under another name is more likely the code's own.
  return byName ?? (isInteger(value) ? undefined : (known ?? undefined));
}

/** What a double was written as, wherever it stood, and under one name; null where it was written in several ways. */
const anywhere = ownTable<number, string | null>();
const named = ownTable<string, string | null>();
const sourcesOf = ownTable<number, string[]>();
const MOST_SOURCES = 3;
let isIndexed = false;
let textsIndexed = 0;
let placesIndexed = 0;

/** Some of the numbers that are this double. */
export function sourcesOfRounded(value: number): readonly string[] {
  index();
  return sourcesOf.get(value) ?? [];
}

/** Looks at all numbers once more, also the usual ones; only where code has moved one of the others. */
function index(): void {
  if (isIndexed) return;
  isIndexed = true;
  for (; textsIndexed < texts.length; textsIndexed++) {
    parse(texts[textsIndexed] ?? '', (key, value, { source }) => {
      if (typeof value !== 'number' || source === undefined) return value;
      const isRounded = marked.get(value);
      if (isRounded === undefined) return value;
      note(anywhere, value, source);
      note(named, `${key}\n${value}`, source);
      if (isRounded) addSource(value, source);
      return value;
    });
  }
  for (; placesIndexed < all.length; placesIndexed++) {
    const { holder, byKey } = all[placesIndexed] as Sources;
    if (isArray(holder)) continue;
    for (const key in byKey)
      addOriginal(holder, `${key}\n${+(byKey[key] ?? '')}`, byKey[key] ?? '');
  }
}

function note<Key>(table: Map<Key, string | null>, key: Key, source: string): void {
  const known = table.get(key);
  if (known === undefined) table.set(key, source);
  else if (known !== source) table.set(key, null);
}

function addSource(value: number, source: string): void {
  const known = sourcesOf.get(value);
  if (known === undefined) {
    sourcesOf.set(value, [source]);
    return;
  }
  for (let at = 0; at < known.length; at++) if (known[at] === source) return;
  if (known.length < MOST_SOURCES) known[known.length] = source;
}
