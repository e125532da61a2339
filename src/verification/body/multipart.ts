import type { Work } from './aside.ts';
import type { FormField } from './form.ts';

const MOST_PARTS = 1_000;
const LONGEST_HEAD = 8_192;
const HEAD_END = Buffer.from('\r\n\r\n');

/** The boundary of a form in parts (RFC 7578); null where the content type is another. */
export function boundaryOf(contentType: string | undefined): string | null {
  if (!/^\s*multipart\/form-data\s*;/i.test(contentType ?? '')) return null;
  const found = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;,"]{1,70}))/i.exec(contentType ?? '');
  return found?.[1] ?? found?.[2] ?? null;
}

/** Reads the fields of a form in parts; files are passed over. */
export function* scanMultipart(
  body: Buffer,
  boundary: string,
): Work<FormField[] | 'TOO_MANY' | 'INVALID'> {
  const first = Buffer.from(`--${boundary}`, 'latin1');
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const fields: FormField[] = [];
  // A boundary stands at the beginning of a line, and the first one may be the first line.
  let at = body.subarray(0, first.length).equals(first) ? first.length : after(body, delimiter, 0);
  for (let parts = 0; at !== -1; parts++) {
    if (body.toString('latin1', at, at + 2) === '--') return fields;
    if (parts === MOST_PARTS) return 'TOO_MANY';
    const head = body.indexOf(HEAD_END, at);
    const end = head === -1 ? -1 : body.indexOf(delimiter, head + 2);
    if (end === -1 || head - at > LONGEST_HEAD) return 'INVALID';
    const name = fieldName(body.toString('latin1', at, head));
    const value = body.subarray(Math.min(head + HEAD_END.length, end), end);
    if (name !== null) fields.push({ name, value });
    at = end + delimiter.length;
    yield undefined;
  }
  return 'INVALID';
}

function after(body: Buffer, mark: Buffer, from: number): number {
  const found = body.indexOf(mark, from);
  return found === -1 ? -1 : found + mark.length;
}

/** The name of a field; null for a file, and for a part that is none of a form. */
function fieldName(head: string): Buffer | null {
  const disposition = /^content-disposition:\s*form-data\s*;(.*)$/im.exec(head)?.[1];
  if (disposition === undefined || /;?\s*filename\*?\s*=/i.test(disposition)) return null;
  const found = /(?:^|;)\s*name\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(disposition);
  const name = found?.[1]?.replaceAll(/\\(.)/g, '$1') ?? found?.[2];
  return name === undefined ? null : Buffer.from(name, 'latin1');
}
