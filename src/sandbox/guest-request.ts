// Checks the requests a guest returned: they are text someone else chose.
import { BodyKind } from './job.ts';
import type { GuestRequest } from './job.ts';

/** Either a checked request or one sentence about what is wrong with it. */
export type CheckedRequest = { readonly request: GuestRequest } | { readonly problem: string };

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*(?:;.*)?$/s;
const MAX_HEADERS = 500;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Numbers and booleans have one obvious text; anything else is a mistake worth a message.
function headerText(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? value : undefined;
}

function headerProblem(name: string, text: string | undefined): string | undefined {
  if (!HEADER_NAME.test(name)) return `The header name ${JSON.stringify(name)} is not valid.`;
  if (text === undefined) return `The header "${name}" must be a string.`;
  // A line break in a value would let a transformation write headers of its own choice.
  if (/[\0\r\n]/.test(text)) return `The header "${name}" holds a line break or NUL.`;
  // RFC 9110, section 5.5: visible characters, spaces and tabs, of one byte each.
  if (!HEADER_VALUE.test(text))
    return `The header "${name}" holds a character that HTTP cannot carry.`;
  return undefined;
}

// Names are the same in any case: the one that was set last is meant.
function lastOfEachName<Entry extends readonly [string, unknown]>(entries: Entry[]): Entry[] {
  return [...new Map(entries.map((entry) => [entry[0].toLowerCase(), entry])).values()];
}

function checkHeaders(value: unknown, bodyBytes: number): Record<string, string> | string {
  if (!isRecord(value)) return 'The returned request has no headers object.';
  const entries = lastOfEachName(
    Object.entries(value).map(([name, given]) => [name, headerText(given)] as const),
  );
  if (entries.length > MAX_HEADERS) return `More than ${MAX_HEADERS} headers were returned.`;
  const problem = entries.map(([name, text]) => headerProblem(name, text)).find(Boolean);
  if (problem !== undefined) return problem;
  const type = entries.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  if (type === undefined) return 'The returned request has no content-type header.';
  if (!MEDIA_TYPE.test(type)) return 'The returned content-type header is not a media type.';
  // fromEntries defines properties, so a header named __proto__ stays a header.
  return Object.fromEntries(
    entries.map(([name, text = '']) => [
      name,
      name.toLowerCase() === 'content-length' ? String(bodyBytes) : text,
    ]),
  );
}

function bodyKindOf(value: unknown): BodyKind | undefined {
  return Object.values(BodyKind).find((kind) => kind === value);
}

/** Turns one returned request from unknown to typed; `parsed_query` is ignored, `content-length` recomputed. */
export function checkGuestRequest(value: unknown): CheckedRequest {
  if (!isRecord(value)) return { problem: 'The returned value is not a request object.' };
  const { path, query, body } = value;
  const bodyKind = bodyKindOf(value['bodyKind']);
  if (typeof path !== 'string')
    return { problem: 'The path of the returned request must be a string.' };
  if (typeof query !== 'string')
    return { problem: 'The query of the returned request must be a string.' };
  if (/[\0-\x20\x7f]/.test(path + query)) {
    return { problem: 'The path and query of the returned request must be percent-encoded.' };
  }
  if (typeof body !== 'string' || bodyKind === undefined) {
    return { problem: 'The body of the returned request cannot be read.' };
  }
  const headers = checkHeaders(value['headers'], Buffer.byteLength(body));
  if (typeof headers === 'string') return { problem: headers };
  return { request: { headers, path, query, body, bodyKind } };
}
