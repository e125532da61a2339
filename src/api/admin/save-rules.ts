import type { Db } from '../../db/pool.ts';
import { holdTransformations } from '../../db/transformations.ts';
import { retentionProblems } from '../../domain/retention.ts';
import type { Rule } from '../../domain/schema/rule.ts';
import type { ApiDeps } from '../deps.ts';
import { invalid } from '../errors.ts';
import { assertRunnable, upsertTransformation } from './transformation-content.ts';

/** Throws a 422 for code in these rules that cannot be run; before any transaction, for it may take a second. */
export async function assertRulesRunnable(
  deps: ApiDeps,
  { projectId, rules = [] }: { projectId: string; rules: Rule[] | undefined },
): Promise<void> {
  for (const [index, rule] of rules.entries()) {
    if (rule.type !== 'transform' || !rule.transformation) continue;
    const input = rule.transformation;
    await assertRunnable(deps, { projectId, input, root: rootOf(index) });
  }
}

/** Throws a 422 for rules by which an event would wait for longer than it is kept. */
export function assertWithinRetention(
  { retentionDays }: Pick<ApiDeps, 'retentionDays'>,
  { rules = [] }: { rules?: Rule[] | undefined },
): void {
  const problems = retentionProblems(rules, { retentionDays });
  if (problems.length === 0) return;
  throw invalid(
    'body',
    problems.map(({ path, message }) => ({ path: ['rules', ...path], message })),
  );
}

/** Rules as they are kept: a transformation that is described in one is made or changed, and named by its id. */
export async function storeRules(
  db: Db,
  { deps, projectId, by, rules }: { deps: ApiDeps; projectId: string; by: string; rules: Rule[] },
): Promise<Rule[]> {
  await assertTransformationsExist(db, { projectId, rules });
  const stored: Rule[] = [];
  for (const [index, rule] of rules.entries()) {
    if (rule.type !== 'transform' || !rule.transformation) {
      stored.push(rule);
      continue;
    }
    const order = { deps, projectId, by, input: rule.transformation, root: rootOf(index) };
    const { id } = await upsertTransformation(db, order);
    stored.push({ type: 'transform', transformation_id: id });
  }
  return stored;
}

async function assertTransformationsExist(
  db: Db,
  { projectId, rules }: { projectId: string; rules: Rule[] },
): Promise<void> {
  const named = rules.flatMap((rule, index) =>
    rule.type === 'transform' && rule.transformation_id
      ? [{ id: rule.transformation_id, index }]
      : [],
  );
  if (named.length === 0) return;
  const known = await holdTransformations(db, { projectId, ids: named.map(({ id }) => id) });
  const problems = named
    .filter(({ id }) => !known.includes(id))
    .map(({ index }) => ({
      path: ['rules', index, 'transformation_id'],
      message: 'names no transformation',
    }));
  if (problems.length > 0) throw invalid('body', problems);
}

function rootOf(index: number): (string | number)[] {
  return ['rules', index, 'transformation'];
}
