import { createHash } from 'node:crypto';
import type { DeduplicateRule } from '../../domain/deduplicate.ts';
import { compileRuleFilter, explainRuleFilter } from '../../domain/filter.ts';
import type { Rule } from '../../domain/schema/rule.ts';
import type { Connection, Destination } from '../../db/configuration.ts';

/** A rule that routing takes, ready to run; `place` is where it stands in the connection. */
export type CompiledRule =
  | {
      type: 'filter';
      failingParts: ReturnType<typeof compileRuleFilter>;
      explain: ReturnType<typeof explainRuleFilter>;
    }
  | { type: 'transform'; transformationId: string; place: number }
  | { type: 'deduplicate'; rule: DeduplicateRule; fingerprint: string }
  | { type: 'delay'; delayMs: number };

// A connection in memory is replaced when it changes: what was compiled for the old one goes with it.
const compiled = new WeakMap<Connection, CompiledRule[]>();

/** The rules of a connection in their order, compiled once per version of the connection. */
export function rulesOf(connection: Connection): CompiledRule[] {
  let rules = compiled.get(connection);
  if (!rules) {
    rules = connection.rules.flatMap((rule, place) => compile(rule, place) ?? []);
    compiled.set(connection, rules);
  }
  return rules;
}

/** Whether a rule, the connection's order or its destination's groups have to look at the request itself. */
export function readsPayload(
  connection: Connection,
  destination: Destination | undefined,
): boolean {
  return (
    rulesOf(connection).some((rule) => rule.type !== 'delay') ||
    Boolean(connection.ordering?.key) ||
    Boolean(destination?.config.delivery_policy?.groups)
  );
}

/** Whether user code runs on this connection. */
export function runsCode(connection: Connection): boolean {
  return rulesOf(connection).some((rule) => rule.type === 'transform');
}

/** The transformations a connection runs, by id. */
export function transformationsOf(connection: Connection): string[] {
  return rulesOf(connection).flatMap((rule) =>
    rule.type === 'transform' ? [rule.transformationId] : [],
  );
}

function compile(rule: Rule, place: number): CompiledRule | null {
  switch (rule.type) {
    case 'filter':
      return {
        type: 'filter',
        failingParts: compileRuleFilter(rule),
        explain: explainRuleFilter(rule),
      };
    case 'transform':
      return { type: 'transform', transformationId: rule.transformation_id ?? '', place };
    case 'deduplicate':
      return {
        type: 'deduplicate',
        rule: {
          windowMs: rule.window,
          includeFields: rule.include_fields ?? null,
          excludeFields: rule.exclude_fields ?? null,
        },
        // A changed rule starts anew: what it remembered was about another question.
        fingerprint: createHash('sha256').update(JSON.stringify(rule)).digest('base64'),
      };
    case 'delay':
      return { type: 'delay', delayMs: rule.delay };
    case 'retry':
      return null;
  }
}
