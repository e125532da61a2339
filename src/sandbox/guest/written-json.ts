// JSON as code finds it: numbers are ordinary ones, and those it leaves alone are written as they were.
import { beginWriting, readRemembering, sourceOf, type Reviver } from './number-sources.ts';

export type Replacer = (this: object, key: string, value: unknown) => unknown;
type Native = {
  parse(text: unknown, reviver?: unknown): unknown;
  stringify(value: unknown, replacer?: unknown, space?: unknown): string | undefined;
  rawJSON(text: unknown): object;
};

const { parse, stringify, rawJSON } = JSON as unknown as Native;
const { apply } = Reflect;
const { assign } = Object;
const { isArray } = Array;
let isActive = false;
let isRawUsed = false;
let input = '';

/** Must run before any code of the guest's; with unusual numbers in the input, JSON keeps them from here on. */
export function prepareJson(hasUnusualNumbers: boolean): void {
  isActive = hasUnusualNumbers;
  const noteRaw = (text: unknown): object => {
    isRawUsed = true;
    return rawJSON(text);
  };
  assign(JSON, { rawJSON: noteRaw });
  if (isActive) assign(JSON, { parse: parseRemembering, stringify: stringifyRestoring });
}

/** Whether anything may be written that is more than a double. */
export function mayHoldRawNumbers(): boolean {
  return isActive || isRawUsed;
}

/** Reads the input. */
export function readInput(text: string): unknown {
  if (!isActive) return parse(text);
  input = text;
  return readRemembering(text);
}

/** The text of the input; empty where its numbers are usual ones. */
export function inputText(): string {
  return input;
}

function restored(holder: object, key: string, value: number): unknown {
  return asWritten(value, sourceOf(holder, key, value));
}

/** What JSON.stringify writes as `source`, where that is known and another text than JavaScript's own. */
export function asWritten(value: number, source: string | null | undefined): unknown {
  return typeof source !== 'string' || source === `${value}` ? value : rawJSON(source);
}

const restore: Replacer = function (key, value) {
  return typeof value === 'number' ? restored(this, key, value) : value;
};

function parseRemembering(text: unknown, reviver?: unknown): unknown {
  const own = typeof reviver === 'function' ? (reviver as Reviver) : undefined;
  return typeof text === 'string' ? readRemembering(text, own) : parse(text, reviver);
}

function stringifyRestoring(value: unknown, replacer?: unknown, space?: unknown): unknown {
  // A list of names leaves no room for another replacer.
  if (isArray(replacer)) return stringify(value, replacer, space);
  beginWriting();
  if (typeof replacer !== 'function') return stringify(value, restore, space);
  const own: Replacer = function (key, item) {
    const made: unknown = apply(replacer, this, [key, item]);
    return typeof made === 'number' ? restored(this, key, made) : made;
  };
  return stringify(value, own, space);
}

/** JSON of a value for people to read. */
export function shownJson(value: unknown): string | undefined {
  if (!isActive) return stringify(value);
  beginWriting();
  return stringify(value, restore);
}
