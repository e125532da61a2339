import { randomUUID } from 'node:crypto';
import { ExactNumber } from '../domain/numbers/exact-number.ts';

/** JSON that is written already, somewhere else because it is large: it stands in an answer as it is. */
class JsonText {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** Text in the place of the value that it says; whoever wrote it has checked that it is one. */
export function written<Value>(bytes: Uint8Array): Value {
  return new JsonText(bytes) as Value;
}

type Place = { path: (string | number)[]; bytes: Uint8Array };

// The answer, its list, a model of it, and the model's data.
const DEEPEST = 3;

/** An answer without the texts in it, and where they stood. */
export function withoutTexts(answer: unknown): { rest: unknown; texts: Place[] } {
  const texts: Place[] = [];
  const strip = (value: unknown, path: Place['path']): unknown => {
    if (value instanceof JsonText) {
      texts.push({ path, bytes: value.bytes });
      return undefined;
    }
    if (path.length >= DEEPEST || typeof value !== 'object' || value === null) return value;
    if (value instanceof ExactNumber) return value;
    if (Array.isArray(value)) return value.map((item, at) => strip(item, [...path, at]));
    return Object.fromEntries(
      Object.entries(value)
        .map(([name, child]) => [name, strip(child, [...path, name])] as const)
        .filter(([, child]) => child !== undefined),
    );
  };
  return { rest: strip(answer, []), texts };
}

/** The answer as the bytes of its JSON, in order, the texts in their places again. */
export function piecesOf(rest: unknown, texts: Place[]): Uint8Array[] {
  if (texts[0]?.path.length === 0) return [texts[0].bytes];
  // No payload holds what nobody could foresee.
  const mark = randomUUID();
  for (const [index, { path }] of texts.entries()) {
    const name = path.at(-1)!;
    const holder = path.slice(0, -1).reduce<unknown>((at, step) => (at as never)[step], rest);
    (holder as Record<string | number, unknown>)[name] = `${mark}/${index}`;
  }
  // What stands between two texts, and the number of the text that follows, by turns.
  const parts = JSON.stringify(rest).split(new RegExp(`"${mark}/(\\d+)"`));
  return parts.map((part, at) => (at % 2 === 0 ? Buffer.from(part) : texts[Number(part)]!.bytes));
}
