// Which object of the input another one was copied from (`{ ...item, seen: true }`): where two numbers are one double,
// the members beside it tell which of them it is.
import { ownTable } from './own-table.ts';

const { hasOwn, is, keys } = Object;
const MOST_CANDIDATES = 200;
/** Members that are compared in a run, at most: a tenth of a second. */
const MOST_COMPARED = 2_000_000;
let compared = 0;

type Original = { readonly members: Record<string, unknown>; readonly source: string };

const originals = ownTable<string, Original[]>();

/** Remembers an object with a number that is more than a double. */
export function addOriginal(holder: object, name: string, source: string): void {
  const original = { members: holder as Record<string, unknown>, source };
  const known = originals.get(name);
  if (known === undefined) originals.set(name, [original]);
  else if (known.length <= MOST_CANDIDATES) known[known.length] = original;
}

/**
 * What the number under `key` was written as in the object that `copy` was made of: one all of whose members it has,
 * and more of them unchanged than of any other. Null where that is none, or not one alone.
 */
export function sourceInOriginal(copy: object, key: string, name: string): string | null {
  const candidates = originals.get(name) ?? [];
  if (candidates.length > MOST_CANDIDATES) return null;
  let best = 0;
  let source: string | null = null;
  for (let index = 0; index < candidates.length; index++) {
    const candidate = candidates[index];
    if (candidate === undefined) continue;
    if (compared > MOST_COMPARED) return null;
    const likeness = likenessOf(copy as Record<string, unknown>, candidate.members, key);
    if (likeness > best) {
      best = likeness;
      source = candidate.source;
    } else if (likeness === best && source !== candidate.source) source = null;
  }
  return source;
}

function likenessOf(
  copy: Record<string, unknown>,
  original: Record<string, unknown>,
  key: string,
): number {
  const names = keys(original);
  compared += names.length;
  let same = 0;
  for (let index = 0; index < names.length; index++) {
    const name = names[index] ?? '';
    if (!hasOwn(copy, name)) return 0;
    if (name !== key && is(copy[name], original[name])) same++;
  }
  return same;
}
