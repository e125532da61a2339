// URLSearchParams, after the URL standard.
import { percentDecode } from './percent.ts';
import { usvString } from './usv-string.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

type Pair = [string, string];

function decode(text: string): string {
  return decodeUtf8(percentDecode(text.replaceAll('+', ' ')), { fatal: false });
}

function encode(text: string): string {
  let result = '';
  for (const byte of encodeUtf8(text)) {
    const character = String.fromCharCode(byte);
    if (/[A-Za-z0-9*\-._]/.test(character)) result += character;
    else if (byte === 32) result += '+';
    else result += `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
  }
  return result;
}

function parsePairs(text: string): Pair[] {
  const parts = text.split('&').filter((part) => part !== '');
  return parts.map((part) => {
    const at = part.indexOf('=');
    if (at < 0) return [decode(part), ''];
    return [decode(part.slice(0, at)), decode(part.slice(at + 1))];
  });
}

function pairsOf(init: unknown): Pair[] {
  if (init === undefined || init === null) return [];
  if (typeof init !== 'object') return parsePairs(usvString(init).replace(/^\?/, ''));
  if (!(Symbol.iterator in init)) {
    return Object.entries(init).map(([name, value]) => [usvString(name), usvString(value)]);
  }
  return [...(init as Iterable<Iterable<unknown>>)].map((item) => {
    const pair = [...item].map(usvString);
    if (pair.length !== 2)
      throw new TypeError('Each entry of URLSearchParams is a name and a value.');
    return [pair[0] ?? '', pair[1] ?? ''];
  });
}

export class URLSearchParams {
  #pairs: Pair[];
  #changed: (text: string) => void = () => undefined;

  constructor(init?: unknown) {
    this.#pairs = pairsOf(init);
  }

  /** Ties parameters to a URL, so that changing one changes the other. */
  static attached(text: string, changed: (text: string) => void): URLSearchParams {
    const params = new URLSearchParams(text);
    params.#changed = changed;
    return params;
  }

  #set(pairs: Pair[]): void {
    this.#pairs = pairs;
    this.#changed(this.toString());
  }

  get size(): number {
    return this.#pairs.length;
  }

  append(name: unknown, value: unknown): void {
    this.#set([...this.#pairs, [usvString(name), usvString(value)]]);
  }

  delete(name: unknown, value?: unknown): void {
    const keep = ([key, own]: Pair): boolean =>
      key !== usvString(name) || (value !== undefined && own !== usvString(value));
    this.#set(this.#pairs.filter(keep));
  }

  get(name: unknown): string | null {
    return this.#pairs.find(([key]) => key === usvString(name))?.[1] ?? null;
  }

  getAll(name: unknown): string[] {
    return this.#pairs.filter(([key]) => key === usvString(name)).map(([, value]) => value);
  }

  has(name: unknown, value?: unknown): boolean {
    return this.#pairs.some(
      ([key, own]) => key === usvString(name) && (value === undefined || own === usvString(value)),
    );
  }

  set(name: unknown, value: unknown): void {
    const key = usvString(name);
    const first = this.#pairs.findIndex(([own]) => own === key);
    if (first < 0) return this.append(key, value);
    const pairs = this.#pairs.filter(([own], at) => own !== key || at === first);
    pairs[first] = [key, usvString(value)];
    this.#set(pairs);
  }

  sort(): void {
    this.#set(this.#pairs.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))));
  }

  forEach(
    visit: (value: string, name: string, params: URLSearchParams) => void,
    self?: unknown,
  ): void {
    for (const [name, value] of this.#pairs) visit.call(self, value, name, this);
  }

  *entries(): IterableIterator<Pair> {
    for (const [name, value] of this.#pairs) yield [name, value];
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.#pairs) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.#pairs) yield value;
  }

  [Symbol.iterator](): IterableIterator<Pair> {
    return this.entries();
  }

  toString(): string {
    return this.#pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  }
}
