import { ExactNumber } from './numbers/exact-number.ts';

/** The parts of a request that a path may begin with. */
export type PayloadPart = 'headers' | 'body' | 'query' | 'path';

/** A request as paths see it: parsed where it could be, the full text where not. */
export type PayloadParts = Record<PayloadPart, unknown>;

export type PathStep =
  { kind: 'key'; key: string } | { kind: 'index'; index: number } | { kind: 'each' };

export type PayloadPath = { part: PayloadPart; steps: readonly PathStep[] };

/** A path that was understood, or a sentence that says what is wrong with it. */
export type ParsedPath = { path: PayloadPath } | { error: string };

const KEY_PATH = /^(headers|body|query|path)(\.[\w-]+)*$/;
const MAX_PATH_LENGTH = 256;
const TOO_LONG = `must have at most ${MAX_PATH_LENGTH} characters`;
const ROOT = /^(headers|body|query|path)(?=[.[]|$)/;
const STEP = /\.([^.[\]]+)|\[(0|[1-9]\d{0,8})\]|\[(\*)\]/y;

/** Reads the path of a delivery group's key or an ordering key: names joined by dots. */
export function parseKeyPath(text: string): ParsedPath {
  if (text.length > MAX_PATH_LENGTH) return { error: TOO_LONG };
  if (!KEY_PATH.test(text)) {
    return {
      error:
        'must be headers, body, query or path, followed by names joined by dots, as in body.customer_id',
    };
  }
  const [part, ...keys] = text.split('.');
  return { path: { part: part as PayloadPart, steps: keys.map((key) => ({ kind: 'key', key })) } };
}

/** Reads the path of a deduplicate rule's field: names, `[n]` and `[*]`, brackets before a name. */
export function parseFieldPath(text: string): ParsedPath {
  if (text.length > MAX_PATH_LENGTH) return { error: TOO_LONG };
  const root = ROOT.exec(text)?.[0];
  if (root === undefined) return { error: 'must begin with headers, body, query or path' };

  const steps: PathStep[] = [];
  STEP.lastIndex = root.length;
  for (let end = root.length; end < text.length; end = STEP.lastIndex) {
    const match = STEP.exec(text);
    if (match === null)
      return { error: `cannot be read from ${JSON.stringify(text.slice(end))} on` };
    const [, key, index] = match;
    if (key !== undefined) steps.push({ kind: 'key', key });
    else
      steps.push(index === undefined ? { kind: 'each' } : { kind: 'index', index: Number(index) });
  }
  if (steps.length > 0 && steps.at(-1)?.kind !== 'key') {
    return { error: 'must name a property after [n] or [*]' };
  }
  return { path: { part: root as PayloadPart, steps } };
}

/**
 * The value at a path; undefined where there is none. A body that is no JSON is one string, so that `body` is its full
 * text and nothing is inside it.
 */
export function readValue({ part, steps }: PayloadPath, parts: PayloadParts): unknown {
  return valueAt(parts[part], steps, part === 'headers');
}

/** The text of a key that events are told apart by: a string itself, everything else its canonical JSON; '' for nothing and null. */
export function readKey(path: PayloadPath, parts: PayloadParts): string {
  const value = readValue(path, parts);
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : canonicalJson(value);
}

/** The same for an id: a number and its text are two ids. */
export function readId(path: PayloadPath, parts: PayloadParts): string {
  const text = readKey(path, parts);
  return text === '' || typeof readValue(path, parts) === 'string' ? text : `\0${text}`;
}

function valueAt(value: unknown, steps: readonly PathStep[], anyCase = false): unknown {
  const [step, ...rest] = steps;
  if (step === undefined || typeof value !== 'object' || value === null) {
    return step === undefined ? value : undefined;
  }
  if (step.kind === 'key') return valueAt(property(value, step.key, anyCase), rest);
  if (!Array.isArray(value)) return undefined;
  if (step.kind === 'index') return valueAt(value[step.index], rest);
  return value.map((element) => valueAt(element, rest));
}

/** An own property; elements of a list by their number alone, names of headers in any case. */
function property(parent: object, key: string, anyCase = false): unknown {
  const name = anyCase ? headerName(parent, key) : key;
  if (!Object.hasOwn(parent, name) || (Array.isArray(parent) && !/^\d+$/.test(name)))
    return undefined;
  return (parent as Record<string, unknown>)[name];
}

/** The name by which `headers` carries a header: as given, or in another case. */
export function headerName(headers: object, name: string): string {
  if (Object.hasOwn(headers, name)) return name;
  const wanted = name.toLowerCase();
  return Object.keys(headers).find((key) => key.toLowerCase() === wanted) ?? name;
}

type Frame = { keys: string[] | null; parts: readonly unknown[]; next: number };

/** JSON with the keys of every object in order, so that equal values have equal texts, however deep. */
export function canonicalJson(value: unknown): string {
  let text = '';
  // Its own stack: a payload may be nested deeper than calls can be.
  const frames: Frame[] = [{ keys: null, parts: [value], next: 0 }];
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const { keys, parts } = frame;
    if (frame.next === parts.length) {
      frames.pop();
      if (frames.length > 0) text += keys === null ? ']' : '}';
      continue;
    }
    const index = frame.next++;
    const part = parts[index];
    if (index > 0) text += ',';
    if (keys !== null) text += `${JSON.stringify(keys[index])}:`;
    if (typeof part === 'object' && part !== null && !(part instanceof ExactNumber)) {
      text += Array.isArray(part) ? '[' : '{';
      frames.push(frameOf(part));
    } else {
      text += JSON.stringify(part) ?? 'null';
    }
  }
  return text;
}

function frameOf(value: object): Frame {
  if (Array.isArray(value)) return { keys: null, parts: value, next: 0 };
  const keys = Object.keys(value).sort();
  return { keys, parts: keys.map((key) => (value as Record<string, unknown>)[key]), next: 0 };
}
