import { BodyKind, type GuestRequest } from '../../sandbox/job.ts';
import { contentFamily, ContentFamily } from '../../verification/content.ts';
import { parseAsWritten } from '../../domain/numbers/parse.ts';
import { encodeText, isEncodable, UTF_8, withCharset } from '../../verification/charset.ts';
import { writeForm } from '../../verification/form.ts';
import { formOf, type RequestParts } from '../../verification/request-parts.ts';
import { encodingOfText } from '../../verification/text.ts';
import type { SeenPayload } from './payload.ts';

/** What code was shown, opened. */
type Before = { before: SeenPayload; parts: RequestParts; writtenBody: () => unknown };

/** What code returned, as bytes. A body it left alone stays byte for byte what came in, and so does a whole request. */
export function returnedPayload(
  request: GuestRequest,
  { before, parts, writtenBody }: Before,
): SeenPayload {
  const isSameBody = sameBody(request, { parts, writtenBody });
  const { path, query } = request;
  if (isSameBody && path === before.path && query === before.query && sameHeaders(request, parts))
    return before;
  const headers = Object.entries(request.headers);
  if (isSameBody) return before.became({ path, query, headers, body: before.body });
  const { body, contentType } = bodyOf(request, { before, parts });
  const own = headers
    .filter(([name]) => !isAboutOldBytes(name))
    .map(([name, value]) => [name, isContentType(name) ? contentType : value] as const);
  return before.became({ path, query, headers: own, body });
}

// What is written anew is not compressed any more, and its length is what it turns out to be.
function isAboutOldBytes(name: string): boolean {
  return /^content-(?:encoding|length)$/i.test(name);
}

function sameBody(
  request: GuestRequest,
  { parts: { body }, writtenBody }: Pick<Before, 'parts' | 'writtenBody'>,
): boolean {
  // Nothing was shown of a body that is JSON's null, or that could not be decoded: nothing was taken away.
  if (request.bodyKind === BodyKind.Empty) return body === null;
  if (request.bodyKind === BodyKind.Text) return request.body === body;
  return typeof body !== 'string' && request.body === JSON.stringify(writtenBody());
}

function sameHeaders(request: GuestRequest, { headers: old }: RequestParts): boolean {
  const names = (headers: object) => Object.keys(headers).filter((name) => !isLength(name));
  const now = names(request.headers);
  return (
    now.length === names(old).length && now.every((name) => request.headers[name] === old[name])
  );
}

function isLength(name: string): boolean {
  return name.toLowerCase() === 'content-length';
}

type Written = { body: Buffer; contentType: string };

/** Code is shown forms and lines of JSON as objects and lists: they go out as what their content type says. */
function bodyOf(
  { headers, body, bodyKind }: GuestRequest,
  { before, parts }: Pick<Before, 'before' | 'parts'>,
): Written {
  const contentType = Object.entries(headers).find(([name]) => isContentType(name))?.[1] ?? '';
  if (bodyKind !== BodyKind.Json) return encoded(body, contentType);
  const family = contentFamily(contentType);
  if (family === ContentFamily.FORM) {
    const texts = textsOf(parseAsWritten(body));
    if (texts === null) return encoded(body, contentType);
    return {
      body: writeForm(texts, { contentType, before: formOf(before, parts) }),
      contentType,
    };
  }
  if (family === ContentFamily.NDJSON) {
    const value = parseAsWritten(body);
    return encodedJson(Array.isArray(value) ? linesOf(value) : body, contentType);
  }
  return encodedJson(body, contentType);
}

/** A text in the charset that its content type names; in UTF-8, and named so, where that has no place for some of it. */
function encoded(text: string, contentType: string): Written {
  const encoding = encodingOfText(contentType, text.slice(0, 256));
  if (isEncodable(text, encoding)) {
    return { body: encodeText(text, { encoding, otherwise: () => '?' }), contentType };
  }
  return { body: Buffer.from(text), contentType: withCharset(contentType, UTF_8) };
}

/** JSON has a way to write what a charset has no place for. */
function encodedJson(json: string, contentType: string): Written {
  const encoding = encodingOfText(contentType, '');
  return { body: encodeText(json, { encoding, otherwise: escapedUnits }), contentType };
}

function escapedUnits(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

function isContentType(name: string): boolean {
  return name.toLowerCase() === 'content-type';
}

function textsOf(value: unknown): Map<string, string[]> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value).map(([name, given]) => {
    return [name, [given as unknown].flat().map(textOf)] as const;
  });
  return new Map(entries);
}

function linesOf(values: unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
