import { isForbiddenHeader } from '../domain/header-names.ts';
import type { Header } from '../domain/outcome.ts';

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether a header can stand on the wire at all. */
function isValidHeader([name, value]: Header): boolean {
  return NAME.test(name) && VALUE.test(value);
}

/** The headers to send, as undici takes them: names and values in turn; null where one is not valid. */
export function flattenHeaders(headers: readonly Header[]): string[] | null {
  const flat: string[] = [];
  for (const header of headers) {
    if (!isValidHeader(header)) return null;
    if (!isForbiddenHeader(header[0])) flat.push(header[0], header[1]);
  }
  return flat;
}

/** The headers of an answer, in their order and case, from undici's list of names and values in turn. */
export function pairHeaders(raw: unknown): Header[] {
  if (!Array.isArray(raw)) return [];
  const text = (item: unknown) => (Buffer.isBuffer(item) ? item.toString('latin1') : String(item));
  const pairs: Header[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([text(raw[i]), text(raw[i + 1])]);
  return pairs;
}

/** The first value of a header, whatever its case. */
export function headerValue(headers: readonly Header[], name: string): string | undefined {
  return headers.find(([own]) => own.toLowerCase() === name)?.[1];
}
