import type { Problem } from '../domain/schema/problem.ts';
import { faultOfText } from './body.ts';
import { invalid } from './errors.ts';

/** A query string as it was meant: a value, several, or an object of such (`created_at[gte]=…`). */
export type QueryValue = string | string[] | { [name: string]: QueryValue };
export type Query = Record<string, QueryValue>;

const MAX_PARAMETERS = 1_000;
const KEY = /^([^[\]]+)((?:\[[^[\]]*\])*)$/;

/**
 * Reads a query string. Three ways to write a list are one: `id=a&id=b`, `id[0]=a&id[1]=b`, `id[]=a&id[]=b`.
 * Throws a 422 for a name that cannot be read and for a name that is both a value and an object.
 */
export function parseQuery(search: string): Query {
  const query: Query = {};
  const pairs = [...new URLSearchParams(search)];
  if (pairs.length > MAX_PARAMETERS) {
    throw invalid('query', [
      { path: [], message: `must hold at most ${MAX_PARAMETERS} parameters` },
    ]);
  }
  for (const [key, value] of pairs) {
    const problem = add(query, { key, value });
    if (problem) throw invalid('query', [problem]);
  }
  return query;
}

function add(query: Query, { key, value }: { key: string; value: string }): Problem | null {
  const fault = faultOfText(key) ?? faultOfText(value);
  if (fault) return { path: [key], message: fault };
  const [, name = '', brackets = ''] = KEY.exec(key) ?? [];
  const inner = [...brackets.matchAll(/\[([^[\]]*)\]/g)].map((match) => match[1] ?? '');
  // A number or nothing in the last brackets is a place in a list.
  const listed = /^\d*$/.test(inner.at(-1) ?? 'x');
  const path = [name, ...(listed ? inner.slice(0, -1) : inner)];
  if (name === '' || path.length > 3 || path.some((part) => part === '' || part === '__proto__')) {
    return { path: [key], message: 'is not a name that can be read' };
  }
  return put(query, { path, value, listed });
}

function put(
  query: Query,
  { path, value, listed }: { path: string[]; value: string; listed: boolean },
): Problem | null {
  let place: Query = query;
  for (const part of path.slice(0, -1)) {
    const found = own(place, part) ?? {};
    if (typeof found === 'string' || Array.isArray(found)) return clash(path);
    place[part] = found;
    place = found;
  }
  const last = path.at(-1)!;
  const before = own(place, last);
  if (before === undefined) place[last] = listed ? [value] : value;
  else if (typeof before === 'string') place[last] = [before, value];
  else if (Array.isArray(before)) before.push(value);
  else return clash(path);
  return null;
}

function own(place: Query, name: string): QueryValue | undefined {
  return Object.hasOwn(place, name) ? place[name] : undefined;
}

function clash(path: string[]): Problem {
  return { path, message: 'must not be both a value and an object' };
}
