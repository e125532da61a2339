import { contentTypeOf, type Received } from '../received.ts';
import { readAside, type LATER, type Work } from './aside.ts';
import { boundaryOf, scanMultipart } from './multipart.ts';

/** A field of a form: bytes, because not every sender writes UTF-8 and some sign what they wrote. */
export type FormField = { name: Buffer; value: Buffer };

export type FormProblem = 'TOO_MANY' | 'INVALID' | typeof LATER;

/** Forms are short; what has more fields than this was made to keep somebody busy. */
export const MOST_FORM_FIELDS = 10_000;

const STEP_BYTES = 262_144;
const AND = 0x26;
const EQUALS = 0x3d;

/** The fields of a form, url-encoded or in parts; files are left out. */
export function readForm(
  received: Received,
  body: Buffer,
): { fields: FormField[] } | { problem: FormProblem } {
  const boundary = boundaryOf(contentTypeOf(received));
  const wire = body === received.body;
  const got = readAside(received, {
    name: `form ${wire ? 'wire' : 'decoded'}`,
    bytes: body.length,
    work: () => (boundary === null ? scanForm(body) : scanMultipart(body, boundary)),
  });
  return typeof got === 'string' ? { problem: got } : { fields: got };
}

/** The values of the fields of one name, as text. */
export function valuesOf(fields: readonly FormField[], name: string): string[] {
  const wanted = Buffer.from(name);
  return fields.filter((one) => one.name.equals(wanted)).map((one) => one.value.toString('utf8'));
}

/**
 * Reads a url-encoded form as the URL standard has it. The platform's own reader takes minutes for a few MiB of short
 * fields.
 */
export function* scanForm(body: Buffer): Work<FormField[] | 'TOO_MANY'> {
  const fields: FormField[] = [];
  let stepped = 0;
  for (let start = 0; start < body.length;) {
    const and = body.indexOf(AND, start);
    const end = and === -1 ? body.length : and;
    if (end > start) {
      if (fields.length === MOST_FORM_FIELDS) return 'TOO_MANY';
      fields.push(fieldIn(body.subarray(start, end)));
    }
    start = end + 1;
    if (start - stepped > STEP_BYTES) {
      stepped = start;
      yield undefined;
    }
  }
  return fields;
}

function fieldIn(pair: Buffer): FormField {
  const equals = pair.indexOf(EQUALS);
  const end = equals === -1 ? pair.length : equals;
  return { name: unescaped(pair.subarray(0, end)), value: unescaped(pair.subarray(end + 1)) };
}

const HEX = new Int8Array(256).fill(-1);
for (const digits of ['0123456789abcdef', '0123456789ABCDEF'])
  for (const [value, byte] of Buffer.from(digits).entries()) HEX[byte] = value;

/** The bytes behind a text of a form; what is no escape stays as it is. */
export function unescaped(text: Buffer): Buffer {
  if (text.indexOf(0x25) === -1 && text.indexOf(0x2b) === -1) return text;
  const out = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0;
    const high = byte === 0x25 ? (HEX[text[at + 1] ?? 0] ?? -1) : -1;
    const low = high === -1 ? -1 : (HEX[text[at + 2] ?? 0] ?? -1);
    if (low !== -1) {
      out[length++] = high * 16 + low;
      at += 2;
    } else out[length++] = byte === 0x2b ? 0x20 : byte;
  }
  return out.subarray(0, length);
}
