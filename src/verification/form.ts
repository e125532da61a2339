import { MOST_FORM_FIELDS, unescaped } from './body/form.ts';
import { charsetOf, encodeText, encodingOf, UTF_8 } from './charset.ts';

/** A field of a form: as it reads, and the bytes it was sent as, one character each. */
export type FormField = { name: string; value: string; raw: string };

/** A form, with what follows its first ten thousand fields as it was sent. */
export type Form = { fields: FormField[]; rest: string; encoding: string };

export type FormValue = Record<string, string | string[]>;

/** Reads a form in its own charset: that of its content type, or of the field by which its sender names it. */
export function readForm(bytes: Buffer, contentType: string | undefined): Form {
  const text = bytes.toString('latin1').replace(/^\u00ef\u00bb\u00bf/, '');
  const pairs = text.split('&', MOST_FORM_FIELDS);
  const read = pairs.reduce((length, pair) => length + pair.length + 1, 0);
  const encoding = encodingOfForm(pairs, contentType);
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  const textOf = (half: string) => decoder.decode(unescaped(Buffer.from(half, 'latin1')));
  const fields = pairs
    .filter((raw) => raw !== '')
    .map((raw) => {
      const [name, value] = halvesOf(raw);
      return { name: textOf(name), value: textOf(value), raw };
    });
  return { fields, rest: text.slice(read), encoding };
}

/** A form as rules and code see it: values by name, a list where a name occurs several times. */
export function formValue({ fields }: Form): FormValue {
  const values = new Map<string, string | string[]>();
  for (const { name, value } of fields) {
    const known = values.get(name);
    if (known === undefined) values.set(name, value);
    else if (typeof known === 'string') values.set(name, [known, value]);
    else known.push(value);
  }
  return Object.fromEntries(values);
}

/**
 * Writes a form with these texts, by name, in the charset that it names. Those that stand in `before` too keep their
 * place and their bytes, unless the charset has changed.
 */
export function writeForm(
  texts: Map<string, string[]>,
  { contentType, before }: { contentType: string | undefined; before: Form | null },
): Buffer {
  const encoding = namedEncoding(contentType, (field) => texts.get(field)?.[0]);
  const left = new Map([...texts].map(([name, values]) => [name, [...values]]));
  const kept = before?.encoding === encoding ? keptFields(before, left) : [];
  const added = [...left].flatMap(([name, values]) =>
    values.map((value) => `${escaped(name, encoding)}=${escaped(value, encoding)}`),
  );
  return Buffer.from([...kept, ...added].join('&'), 'latin1');
}

/** The fields of a form that are still there, changed or not; takes their texts out of what is `left` to write. */
function keptFields({ fields, rest, encoding }: Form, left: Map<string, string[]>): string[] {
  const kept = fields.flatMap(({ name, value, raw }) => {
    const next = left.get(name)?.shift();
    if (next === undefined) return [];
    return [next === value ? raw : `${halvesOf(raw)[0]}=${escaped(next, encoding)}`];
  });
  // What code was not shown it has not taken away.
  return rest === '' ? kept : [...kept, rest];
}

// HTML's own field, and the one of PayPal's notifications, whose content type names no charset.
const CHARSET_FIELDS = ['_charset_', 'charset'];

function encodingOfForm(pairs: readonly string[], contentType: string | undefined): string {
  return namedEncoding(contentType, (field) => {
    const pair = pairs.find((each) => each.startsWith(`${field}=`));
    if (pair === undefined) return undefined;
    return unescaped(Buffer.from(halvesOf(pair)[1], 'latin1')).toString('latin1');
  });
}

function namedEncoding(
  contentType: string | undefined,
  valueOf: (field: string) => string | undefined,
): string {
  const label = charsetOf(contentType);
  const labels = label === undefined ? CHARSET_FIELDS.map(valueOf) : [label];
  const [encoding = UTF_8] = labels.flatMap((each) => encodingOf(each ?? '') ?? []);
  // Forms are written over ASCII: the standard has UTF-8 in the place of UTF-16 too.
  return encoding.startsWith('utf-16') ? UTF_8 : encoding;
}

function halvesOf(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

// The characters that the URL standard leaves as they are in forms.
const ESCAPED = /[^A-Za-z0-9*\-._ ]/g;

function escaped(text: string, encoding: string): string {
  return encodeText(text, { encoding, otherwise: asReference })
    .toString('latin1')
    .replaceAll(ESCAPED, percentEncoded)
    .replaceAll(' ', '+');
}

function percentEncoded(unit: string): string {
  return `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** What a charset has no place for, as browsers send it. */
function asReference(character: string): string {
  return `&#${character.codePointAt(0)};`;
}
