import { UNREADABLE_REFERENCE } from './evaluation.ts';

type Step =
  | { kind: 'key'; key: string }
  | { kind: 'index'; index: number }
  | { kind: 'first' }
  | { kind: 'current'; level: number };

/** Where a `$ref` points: steps from the root of the part being matched, through `levels` lists. */
export type Reference = { steps: readonly Step[]; levels: number };

const STEP =
  /\.([A-Za-z_]\w*|0|[1-9]\d*)|\[(\*)\]|\[(0|-?[1-9]\d*)\]|\[(\$index)\]|\["([^"\\]*)"\]|\['([^'\\]*)'\]/y;

/**
 * Reads `a.b`, `$.a`, `a[0]`, `a["b-c"]`, `a[*].b` (the first child) and `a[$index].b` (the
 * elements being looked at, outermost list first); null where the text is none of these.
 */
export function parseReference(text: string): Reference | null {
  if (text === '') return null;
  const path = text.startsWith('$') ? text.slice(1) : text.startsWith('[') ? text : `.${text}`;
  const steps: Step[] = [];
  let levels = 0;
  STEP.lastIndex = 0;
  for (let end = 0; end < path.length; end = STEP.lastIndex) {
    const match = STEP.exec(path);
    if (match === null) return null;
    const [, key, any, index, current, quoted, single] = match;
    if (current !== undefined) steps.push({ kind: 'current', level: levels++ });
    else if (any !== undefined) steps.push({ kind: 'first' });
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else steps.push({ kind: 'key', key: key ?? quoted ?? single ?? '' });
  }
  return { steps, levels };
}

/**
 * The value a reference points at, null where there is none. Throws where the root has no inside
 * or the reference asks for more lists than the filter stands in.
 */
export function readReference(
  { steps, levels }: Reference,
  { root, indexes }: { root: unknown; indexes: readonly number[] },
): unknown {
  if (typeof root !== 'object' || root === null || levels > indexes.length) {
    throw UNREADABLE_REFERENCE;
  }
  let value: unknown = root;
  for (const step of steps) {
    value = child(value, step, indexes);
    if (value === undefined) return null;
  }
  return value;
}

function child(parent: unknown, step: Step, indexes: readonly number[]): unknown {
  if (typeof parent !== 'object' || parent === null) return undefined;
  if (step.kind === 'key') {
    const { key } = step;
    return Object.hasOwn(parent, key) ? (parent as Record<string, unknown>)[key] : undefined;
  }
  if (step.kind === 'first') return firstChild(parent);
  const index = step.kind === 'index' ? step.index : (indexes[step.level] ?? -1);
  return Array.isArray(parent) ? parent[index] : undefined;
}

function firstChild(parent: object): unknown {
  // Stops at the first key: a payload decides how many there are.
  for (const key in parent) {
    if (Object.hasOwn(parent, key)) return (parent as Record<string, unknown>)[key];
  }
  return undefined;
}
