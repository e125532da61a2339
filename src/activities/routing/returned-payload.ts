import { BodyKind, type GuestRequest } from '../../sandbox/job.ts';
import { contentFamily, ContentFamily } from '../../verification/content.ts';
import { seen, type SeenPayload } from './payload.ts';

/** What code returned, as bytes. A body it left alone stays byte for byte what came in, and so does a whole request. */
export function returnedPayload(request: GuestRequest, before: SeenPayload): SeenPayload {
  const isSameBody = sameBody(request, before);
  const { path, query } = request;
  if (isSameBody && path === before.path && query === before.query && sameHeaders(request, before))
    return before;
  const headers = Object.entries(request.headers);
  const body = isSameBody ? before.body : bodyOf(request);
  const own = isSameBody ? headers : headers.filter(([name]) => !isAboutOldBytes(name));
  return seen({ path, query, headers: own, body }, { changed: true });
}

// What is written anew is not compressed any more, and its length is what it turns out to be.
function isAboutOldBytes(name: string): boolean {
  return /^content-(?:encoding|length)$/i.test(name);
}

function sameBody(request: GuestRequest, before: SeenPayload): boolean {
  const { body } = before.parts();
  // Nothing was shown of a body that is JSON's null, or that could not be decoded: nothing was taken away.
  if (request.bodyKind === BodyKind.Empty) return body === null;
  if (request.bodyKind === BodyKind.Text) return request.body === body;
  return typeof body !== 'string' && request.body === JSON.stringify(body);
}

function sameHeaders(request: GuestRequest, before: SeenPayload): boolean {
  const old = before.parts().headers;
  const names = (headers: object) => Object.keys(headers).filter((name) => !isLength(name));
  const now = names(request.headers);
  return (
    now.length === names(old).length && now.every((name) => request.headers[name] === old[name])
  );
}

function isLength(name: string): boolean {
  return name.toLowerCase() === 'content-length';
}

/** Code is shown forms and lines of JSON as objects and lists: they go out as what their content type says. */
function bodyOf({ headers, body, bodyKind }: GuestRequest): Buffer {
  if (bodyKind !== BodyKind.Json) return Buffer.from(body, 'utf8');
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type');
  const family = contentFamily(type?.[1]);
  if (family !== ContentFamily.FORM && family !== ContentFamily.NDJSON) return Buffer.from(body);
  const value: unknown = JSON.parse(body);
  if (family === ContentFamily.FORM) return Buffer.from(formOf(value) ?? body);
  return Buffer.from(Array.isArray(value) ? linesOf(value) : body);
}

function formOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const form = new URLSearchParams();
  for (const [name, given] of Object.entries(value)) {
    for (const item of [given as unknown].flat()) form.append(name, textOf(item));
  }
  return form.toString();
}

function linesOf(values: unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
