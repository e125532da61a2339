import { createHash } from 'node:crypto';
import { readForm, type FormField } from '../body/form.ts';
import type { Received } from '../received.ts';
import { isDuplicate, readPlace, type Place } from './place.ts';

export type TemplateContext = {
  received: Received;
  /** The bytes that are signed: wire or decoded, as the scheme says. */
  body: Buffer;
  url: string;
  pairs: ReadonlyMap<string, string> | undefined;
  secret: Buffer;
  /** Other fields of the configuration, such as an application key. */
  fields: Readonly<Record<string, string>>;
};

/** Null: a part the content needs is not in the request. */
type Part = (context: TemplateContext) => Buffer | null;
export type Template = (context: TemplateContext) => Buffer[] | null;

const PLACE = /^(?:header|query|form|json|pair):/;

const WORDS: Readonly<Record<string, Part>> = {
  body: (context) => context.body,
  url: (context) => Buffer.from(context.url),
  decodedUrl: (context) => Buffer.from(decodeReserved(context.url)),
  method: (context) => Buffer.from(context.received.method.toUpperCase()),
  path: (context) => Buffer.from(context.received.path),
  query: (context) => Buffer.from(context.received.rawQuery),
  pathAndQuery: (context) => Buffer.from(pathAndQuery(context.url)),
  secret: (context) => context.secret,
  'sha256hex(body)': (context) => Buffer.from(digest(context.body, 'hex')),
  'sha256base64(body)': (context) => Buffer.from(digest(context.body, 'base64')),
  // Bridge signs a digest, and its own code digests that again.
  'sha256(t.body)': (context) =>
    createHash('sha256')
      .update(`${context.pairs?.get('t') ?? ''}.`)
      .update(context.body)
      .digest(),
  sortedForm: ({ received, body }) => {
    const form = readForm(received, body);
    return 'problem' in form ? null : Buffer.from(sortedForm(form.fields), 'latin1');
  },
};

/** The words a template may use beside `{header:…}`, `{query:…}`, `{form:…}`, `{json:…}`, `{pair:…}` and `{field:…}`. */
export const templateWords = Object.keys(WORDS);

/** Compiles signed content such as `v0:{header:x-timestamp}:{body}`; throws on a word it does not know. */
export function compileTemplate(template: string): Template {
  const parts = template
    .split(/(\{[^{}]*\})/)
    .filter((text) => text !== '')
    .map(compilePart);
  return (context) => {
    const out: Buffer[] = [];
    for (const part of parts) {
      const bytes = part(context);
      if (bytes === null) return null;
      out.push(bytes);
    }
    return out;
  };
}

/** Whether a template can be compiled. */
export function isTemplate(template: string): boolean {
  return template
    .split(/(\{[^{}]*\})/)
    .every(
      (text) =>
        !text.startsWith('{') ||
        Object.hasOwn(WORDS, text.slice(1, -1)) ||
        /^(?:header|query|form|json|pair|field):.+$/.test(text.slice(1, -1)),
    );
}

function compilePart(text: string): Part {
  if (!text.startsWith('{')) {
    const literal = Buffer.from(text);
    return () => literal;
  }
  const word = text.slice(1, -1);
  const known = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  if (known !== undefined) return known;
  if (word.startsWith('field:')) {
    const name = word.slice(6);
    return (context) => Buffer.from(context.fields[name] ?? '');
  }
  if (PLACE.test(word)) return placePart(word as Place);
  throw new Error(`Unknown word in the signed content: ${text}`);
}

function placePart(place: Place): Part {
  // Header bytes reach us as latin1; writing them as UTF-8 would sign something else.
  const encoding = place.startsWith('header:') || place.startsWith('pair:') ? 'latin1' : 'utf8';
  return (context) => {
    const value = readPlace(place, context);
    return value === undefined || isDuplicate(value) ? null : Buffer.from(value, encoding);
  };
}

function digest(body: Buffer, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(body).digest(encoding);
}

function pathAndQuery(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  return start === -1 ? '/' : url.slice(start);
}

/** Undoes the percent-encoding HubSpot undoes before signing: reserved characters, but not the question mark. */
function decodeReserved(url: string): string {
  return url.replace(/%(?:3A|2F|40|21|24|27|28|29|2A|2C|3B)/gi, (code) => decodeURIComponent(code));
}

/** Form fields by name, names and values written one after the other without separators: bytes, one character each. */
export function sortedForm(fields: readonly FormField[]): string {
  const byName = new Map<string, Set<string>>();
  for (const field of fields) {
    const name = field.name.toString('latin1');
    const values = byName.get(name) ?? new Set();
    byName.set(name, values.add(field.value.toString('latin1')));
  }
  return [...byName.keys()]
    .toSorted(byCodePoint)
    .map((name) =>
      [...(byName.get(name) ?? [])]
        .toSorted(byCodePoint)
        .map((value) => name + value)
        .join(''),
    )
    .join('');
}

function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
