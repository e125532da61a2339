import { canonicalJson, headerName, parseFieldPath, readValue } from './payload-path.ts';
import type { PathStep, PayloadPart, PayloadParts, PayloadPath } from './payload-path.ts';

/** Which events count as the same, and for how long the first one stands in for them. */
export type DeduplicateRule = {
  windowMs: number;
  includeFields?: readonly string[] | null;
  excludeFields?: readonly string[] | null;
};

/**
 * A request to compare. `exactBody`, where given, is a text that differs whenever the raw body does:
 * whole events are compared by it, byte for byte.
 */
export type ComparedParts = PayloadParts & { exactBody?: string };

/** A part of a deduplicate rule that cannot be; `path` is in the API's words. */
export type DeduplicateFault = { path: string; message: string };

export const MIN_DEDUPLICATE_WINDOW_MS = 1_000;
export const MAX_DEDUPLICATE_WINDOW_MS = 30 * 24 * 3_600_000;

const PARTS: readonly PayloadPart[] = ['headers', 'body', 'query', 'path'];

/** Names what is wrong with a deduplicate rule; an empty list means it can be saved. */
export function validateDeduplicateRule(rule: DeduplicateRule): DeduplicateFault[] {
  const faults: DeduplicateFault[] = [];
  const { windowMs, includeFields, excludeFields } = rule;
  const inRange = windowMs >= MIN_DEDUPLICATE_WINDOW_MS && windowMs <= MAX_DEDUPLICATE_WINDOW_MS;
  if (!Number.isInteger(windowMs) || !inRange) {
    faults.push({
      path: 'window',
      message: `must be a whole number of milliseconds from ${MIN_DEDUPLICATE_WINDOW_MS} (1 second) to ${MAX_DEDUPLICATE_WINDOW_MS} (30 days)`,
    });
  }
  if (includeFields?.length && excludeFields?.length) {
    faults.push({ path: 'exclude_fields', message: 'cannot be used together with include_fields' });
  }
  return [
    ...faults,
    ...fieldFaults('include_fields', includeFields ?? []),
    ...fieldFaults('exclude_fields', excludeFields ?? []),
  ];
}

function fieldFaults(name: string, fields: readonly string[]): DeduplicateFault[] {
  return fields.flatMap((text, index) => {
    const parsed = parseFieldPath(text);
    return 'error' in parsed ? [{ path: `${name}[${index}]`, message: parsed.error }] : [];
  });
}

/**
 * The text that is equal for two events exactly when the rule calls them the same: the fields it
 * includes, the event without those it excludes, or the whole event. The caller hashes it.
 */
export function deduplicationText(rule: DeduplicateRule, parts: ComparedParts): string {
  const included = parseFields(rule.includeFields ?? []);
  if (included.length > 0) {
    return canonicalJson(
      included.map((path) => {
        const value = readValue(path, parts);
        return value === undefined ? '' : value;
      }),
    );
  }

  const excluded = parseFields(rule.excludeFields ?? []);
  if (excluded.length === 0) {
    const { headers, query, path, exactBody } = parts;
    const body = exactBody === undefined ? parts.body : { exact: exactBody };
    return canonicalJson([headers, body, query, path]);
  }
  return canonicalJson(
    PARTS.map((part) => {
      const paths = excluded.filter((path) => path.part === part);
      return paths.reduce<unknown>((value, { steps }) => {
        return without(value, steps, part === 'headers');
      }, parts[part]);
    }),
  );
}

/** A rule is validated when saved; a field that cannot be read all the same is no reason to lose events. */
function parseFields(fields: readonly string[]): PayloadPath[] {
  return fields.flatMap((text) => {
    const parsed = parseFieldPath(text);
    return 'path' in parsed ? [parsed.path] : [];
  });
}

/** A copy without what the steps lead to, shared with the original beside them. */
function without(value: unknown, steps: readonly PathStep[], anyCase = false): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((element: unknown, index) =>
      isAt(step, index) ? without(element, rest) : element,
    );
  }
  if (step.kind !== 'key') return value;
  const name = anyCase ? headerName(value, step.key) : step.key;
  if (!Object.hasOwn(value, name)) return value;
  const entries = Object.entries(value).filter(([key]) => key !== name || rest.length > 0);
  return Object.fromEntries(
    entries.map(([key, part]) => [key, key === name ? without(part, rest) : part]),
  );
}

function isAt(step: PathStep, index: number): boolean {
  if (step.kind === 'each') return true;
  return step.kind === 'index' ? step.index === index : step.key === String(index);
}
