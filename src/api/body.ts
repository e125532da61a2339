import type { Request } from 'express';
import { GatewayError } from '../domain/errors.ts';
import { ExactNumber } from '../domain/numbers/exact-number.ts';
import { parseAsWritten } from '../domain/numbers/parse.ts';
import type { Problem } from '../domain/schema/problem.ts';
import { invalid } from './errors.ts';

export const MAX_BODY_BYTES = 1_000_000;
const MAX_DEPTH = 100;
const MAX_DIGITS = 1_000;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i;

/** Refuses a body that does not say it is JSON in UTF-8, before it is read where its length is known. */
export function assertJsonType({ headers }: Pick<Request, 'headers'>): void {
  if (Number(headers['content-length'] ?? 0) > 0) assertJson(headers['content-type']);
}

// A form of a foreign page can send any text, but not say that it is JSON.
function assertJson(type: string | undefined): void {
  const charset = CHARSET.exec(type ?? '')?.[1]?.toLowerCase() ?? 'utf-8';
  if (JSON_TYPE.test(type ?? '') && ['utf-8', 'utf8'].includes(charset)) return;
  throw new GatewayError(
    'UNSUPPORTED_MEDIA_TYPE',
    'The body must be JSON in UTF-8: send it with content-type application/json.',
  );
}

/** Reads a JSON body, its numbers as they are written; an empty one is an object without fields. */
export function parseBody(bytes: unknown, contentType: string | undefined): unknown {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) return {};
  assertJson(contentType);
  const value = parseJson(decode(bytes));
  const problem = unstorable(value);
  if (problem) throw invalid('body', [problem]);
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GatewayError('BAD_REQUEST', 'The body is not valid UTF-8.', { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return parseAsWritten(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'it could not be read';
    throw new GatewayError('BAD_REQUEST', `The body is not valid JSON: ${reason}.`, { cause });
  }
}

/**
 * The first thing in a JSON value that could not be kept as it is: PostgreSQL has no NUL and no lone surrogates, and
 * keeps a number with all its zeros.
 */
export function unstorable(root: unknown): Problem | null {
  // A loop, not a recursion: how deep a body is, its sender decides.
  const open: { value: unknown; path: (string | number)[] }[] = [{ value: root, path: [] }];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const { value, path } = item;
    if (path.length > MAX_DEPTH)
      return { path: [], message: `must not be nested deeper than ${MAX_DEPTH} levels` };
    if (typeof value === 'string') {
      const message = faultOfText(value);
      if (message) return { path, message };
    }
    if (value instanceof ExactNumber && isTooLong(value)) {
      const message = `must be a number of at most ${MAX_DIGITS} digits, written out`;
      return { path, message };
    }
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, child] of Object.entries(value)) {
      const message = key === '__proto__' ? 'must not be named __proto__' : faultOfText(key);
      if (message) return { path: [...path, key.toWellFormed()], message };
      open.push({ value: child, path: [...path, Array.isArray(value) ? Number(key) : key] });
    }
  }
  return null;
}

function isTooLong({ text }: ExactNumber): boolean {
  const exponent = Number(/e(.*)$/i.exec(text)?.[1] ?? 0);
  return text.length + Math.abs(exponent) > MAX_DIGITS;
}

/** Why a text cannot be kept in PostgreSQL; null where it can. */
export function faultOfText(text: string): string | null {
  if (text.includes('\0')) return 'must not hold a NUL character';
  return text.isWellFormed() ? null : 'must not hold half of a surrogate pair';
}
