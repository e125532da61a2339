// Writes what a handler returned, each body by itself, with its numbers as they came in where code left them alone.
import { beginWriting, roundedValues, sourceOf, sourcesOfRounded } from './number-sources.ts';
import { asWritten, inputText, mayHoldRawNumbers, type Replacer } from './written-json.ts';

type Native = {
  stringify(value: unknown, replacer?: Replacer): string | undefined;
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};
const { stringify, rawJSON, isRawJSON } = JSON as unknown as Native;
const { apply } = Reflect;
const { isArray } = Array;
const { includes, slice } = String.prototype;
const NativeTypeError = TypeError;

/** Hears of containers on the way, and of what could not be kept in them. */
export type Unkept = {
  enter(holder: object, key: string, value: object): void;
  add(holder: object, key: string, message: string): void;
};

/** The text of what was returned; in it, `{"json":n}` stands for the body whose text is `bodies[n]`, where there are any. */
export type Output = {
  readonly text: string | undefined;
  readonly bodies: readonly string[] | null;
};

/** Writes what the guest returned; a BigInt as a number. Throws where it is no JSON. */
export function writeOutput(value: unknown, unkept: Unkept): Output {
  if (!mayHoldRawNumbers()) {
    try {
      return { text: stringify(value), bodies: null };
    } catch (error) {
      // A BigInt, or something else that is no JSON, which then throws once more.
      if (!(error instanceof NativeTypeError)) throw error;
    }
  }
  beginWriting();
  const bodies: string[] = [];
  const write = writerOf(unkept);
  let root: unknown;
  let request: unknown;
  let headers: unknown;
  let marker: object | undefined;
  let isFirst = true;
  const text = stringify(value, function (key, item) {
    if (isFirst) {
      isFirst = false;
      root = request = item;
    } else if (this === root && isArray(root)) request = item;
    if (this === marker) return item;
    if (this === headers) return asHeader(apply(write, this, [key, item]));
    if (this === request && !isArray(request)) {
      if (key === 'headers') headers = item;
      if (key === 'body' && isMoreThanText(item)) {
        enter(unkept, this, key, item);
        const body = stringify(item, withoutFirst(write, this));
        if (body === undefined) return undefined;
        marker = { json: bodies.length };
        bodies[bodies.length] = body;
        return marker;
      }
    }
    return apply(write, this, [key, item]);
  });
  return { text, bodies };
}

function isMoreThanText(item: unknown): boolean {
  return typeof item !== 'string' && item !== null && item !== undefined;
}

function enter(unkept: Unkept, holder: object, key: string, item: unknown): void {
  if (typeof item === 'object' && item !== null && roundedValues.length > 0) {
    unkept.enter(holder, key, item);
  }
}

/** The body itself stands in the request, whatever JSON.stringify wraps it into. */
function withoutFirst(write: Replacer, request: object): Replacer {
  let isFirst = true;
  return function (key, item) {
    if (!isFirst) return apply<object, [string, unknown], unknown>(write, this, [key, item]);
    isFirst = false;
    return apply(write, request, ['body', item]);
  };
}

/** A header is text: a number keeps its digits as one. */
function asHeader(written: unknown): unknown {
  return isRawJSON(written) ? (written as { rawJSON: string }).rawJSON : written;
}

function writerOf(unkept: Unkept): Replacer {
  const watched = watchedTexts();
  return function (key, item) {
    if (typeof item === 'string') {
      if (watched.length > 0) tellOfText({ holder: this, key, text: item, watched, unkept });
      return item;
    }
    if (typeof item === 'number') {
      const source = sourceOf(this, key, item);
      if (source === null) unkept.add(this, key, roundedMessage(item));
      return asWritten(item, source);
    }
    if (typeof item === 'bigint') return rawJSON(`${item}`);
    enter(unkept, this, key, item);
    return item;
  };
}

function roundedMessage(value: number): string {
  const sources = joined(sourcesOfRounded(value));
  return `is written as ${stringify(value)}: JavaScript sees ${sources} as this one number, and it is not known which it was`;
}

type Watched = { readonly text: string; readonly sources: string };
const MOST_WATCHED = 50;

/** Texts of rounded numbers: one in a text that code made is there by mistake. */
function watchedTexts(): Watched[] {
  const watched: Watched[] = [];
  for (let index = 0; index < roundedValues.length && index < MOST_WATCHED; index++) {
    const value = roundedValues[index] ?? 0;
    const text = `${value}`;
    if (value === 0 || apply(includes, inputText(), [text])) continue;
    watched[watched.length] = { text, sources: joined(sourcesOfRounded(value)) };
  }
  return watched;
}

type Text = {
  holder: object;
  key: string;
  text: string;
  watched: readonly Watched[];
  unkept: Unkept;
};

function tellOfText({ holder, key, text, watched, unkept }: Text): void {
  for (let index = 0; index < watched.length; index++) {
    const { text: wrong = '', sources = '' } = watched[index] ?? {};
    if (!apply(includes, text, [wrong])) continue;
    unkept.add(holder, key, `holds ${wrong}, which is how JavaScript writes ${sources}`);
  }
}

function joined(sources: readonly string[]): string {
  let text = '';
  for (let index = 0; index < sources.length; index++) {
    const source = sources[index] ?? '';
    const shown = source.length > 40 ? `${apply(slice, source, [0, 40])}…` : source;
    text += `${index === 0 ? '' : ' and '}${shown}`;
  }
  return text;
}
