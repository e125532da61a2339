import { compileSchema } from './filter/compile.ts';
import { startEvaluation } from './filter/evaluation.ts';
import { explainerOf, MAX_MISMATCHES, type Explain, type Mismatch } from './filter/mismatches.ts';
import { withEqualNumbers } from './numbers/exact-number.ts';

/** A filter turned into closures once, to be asked about many payloads. It never throws. */
export type CompiledFilter = { matches: (input: unknown) => boolean };

/** The parts of a request a filter rule may look at, in the order in which failing ones are named. */
const FILTER_PARTS = ['headers', 'body', 'query', 'path'] as const;

export type FilterPart = (typeof FILTER_PARTS)[number];

/**
 * Compiles one filter schema (JSON) for one part. Whatever goes wrong while matching, be it a
 * schema too deep to compile or a payload too deep or too wide to walk, means no match.
 */
export function compileFilter(schema: unknown): CompiledFilter {
  let compiled: ReturnType<typeof compileSchema>;
  try {
    compiled = compileSchema(withEqualNumbers(schema));
  } catch {
    return { matches: () => false };
  }
  return {
    matches: (input) => {
      try {
        return compiled.whole(input, input, startEvaluation());
      } catch {
        return false;
      }
    },
  };
}

/**
 * Compiles a filter rule; the result names the parts that do not match, so `[]` is a match. A part
 * without a schema (absent or null) takes everything. Path and bodies that are not JSON are strings.
 */
export function compileRuleFilter(
  rule: Partial<Record<FilterPart, unknown>>,
): (parts: Record<FilterPart, unknown>) => FilterPart[] {
  const filters = FILTER_PARTS.flatMap((part) => {
    const schema = rule[part];
    return schema === undefined || schema === null ? [] : [{ part, ...compileFilter(schema) }];
  });
  return (parts) =>
    filters.filter(({ part, matches }) => !matches(parts[part])).map(({ part }) => part);
}

/**
 * Names the keys that did not match, of the parts that `compileRuleFilter` found failing. Prepared when it is first
 * asked: most filters match.
 */
export function explainRuleFilter(
  rule: Partial<Record<FilterPart, unknown>>,
): (parts: Record<FilterPart, unknown>, failing: FilterPart[]) => Mismatch[] {
  const explainers = new Map<FilterPart, Explain>();
  const explain = (part: FilterPart, input: unknown) => {
    const known = explainers.get(part) ?? explainerOf(part, rule[part]);
    explainers.set(part, known);
    return known(input);
  };
  return (parts, failing) =>
    failing.flatMap((part) => explain(part, parts[part])).slice(0, MAX_MISMATCHES);
}
