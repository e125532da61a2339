import { newId } from '../../db/ids.ts';
import type { Db } from '../../db/pool.ts';
import {
  findTransformationByName,
  insertTransformation,
  lockTransformation,
  lockTransformationByName,
  type TransformationRow,
  updateTransformation,
} from '../../db/transformations.ts';
import type { Problem } from '../../domain/schema/problem.ts';
import {
  type Environment,
  HIDDEN_VALUE,
  type TransformationInput,
  type TransformationUpdate,
} from '../../domain/schema/transformation.ts';
import type { ApiDeps } from '../deps.ts';
import { exists, invalid } from '../errors.ts';
import { present } from './named-content.ts';

type Deps = Pick<ApiDeps, 'sealer'>;
type Path = (string | number)[];

/** Where a transformation stands in the body, and which API key asks. */
type Order = { deps: Deps; projectId: string; by: string; root?: Path };

/** Throws a 422 for code that cannot be run, in the environment it would have; before any transaction, for it may take a second. */
export async function assertRunnable(
  deps: Pick<ApiDeps, 'db' | 'sandbox' | 'sealer'>,
  { projectId, input, root = [] }: { projectId: string; input: TransformationInput; root?: Path },
): Promise<void> {
  const before = await findTransformationByName(deps.db, { projectId, name: input.name });
  await assertChangeRunnable(deps, { before, input, root });
}

/** The same for a change: `before` is what is stored. */
export async function assertChangeRunnable(
  { sandbox, ...deps }: Pick<ApiDeps, 'sandbox' | 'sealer'>,
  {
    before,
    input,
    root = [],
  }: { before: TransformationRow | null; input: TransformationUpdate; root?: Path },
): Promise<void> {
  if (input.code === undefined && input.env === undefined) return;
  const stored = before ? openEnv(deps, before) : {};
  const env = input.env === undefined ? stored : meantEnv(input.env ?? {}, { stored, root });
  const verdict = await sandbox.check(input.code ?? before?.code ?? '', env);
  if (verdict.kind === 'ok') return;
  const { line, column, message } = verdict;
  const place = line === undefined ? '' : ` (line ${line}, column ${column})`;
  const field = input.code === undefined ? 'env' : 'code';
  const sentence = `cannot be run: ${message}${place}`;
  throw invalid('body', [{ path: [...root, field], message: sentence }]);
}

/** Makes one; a taken name is a 409 with the id of its owner. */
export async function createTransformation(
  db: Db,
  { input, ...order }: Order & { input: TransformationInput },
): Promise<TransformationRow> {
  const made = await insert(db, { input, ...order });
  if (made) return made;
  const owner = await lockTransformationByName(db, {
    projectId: order.projectId,
    name: input.name,
  });
  throw exists('transformation', owner);
}

/** Makes one, or changes the one of this name. */
export async function upsertTransformation(
  db: Db,
  { input, ...order }: Order & { input: TransformationInput },
): Promise<TransformationRow> {
  for (;;) {
    const { projectId } = order;
    const before = await lockTransformationByName(db, { projectId, name: input.name });
    if (before) return change(db, { before, input, ...order });
    const made = await insert(db, { input, ...order });
    if (made) return made;
    // Another one made it in between: now it can be found.
  }
}

/** Changes one; a name that another one has is a 409. */
export async function changeTransformation(
  db: Db,
  { id, input, ...order }: Order & { id: string; input: TransformationUpdate },
): Promise<TransformationRow> {
  const { projectId } = order;
  const before = present(await lockTransformation(db, { projectId, id }), id);
  const { name } = input;
  const owner = name === undefined ? null : await lockTransformationByName(db, { projectId, name });
  if (owner && owner.id !== id) throw exists('transformation', owner);
  return change(db, { before, input, ...order });
}

/** What the code reads as `process.env`, as it was given. */
export function openEnv(
  { sealer }: Deps,
  { project_id: projectId, id, env }: Pick<TransformationRow, 'project_id' | 'id' | 'env'>,
): Environment {
  return sealer.open(env, sealingContext(projectId, id)) as Environment;
}

/** The environment that was meant: a value that was never shown stays what it is. */
export function meantEnv(
  given: Environment,
  { stored, root }: { stored: Environment; root: Path },
): Environment {
  const problems: Problem[] = [];
  const env = Object.entries(given).map(([name, value]) => {
    if (value !== HIDDEN_VALUE) return [name, value] as const;
    if (!Object.hasOwn(stored, name)) {
      const message = `must be a value: ${HIDDEN_VALUE} stands for one that is kept, and none is`;
      problems.push({ path: [...root, 'env', name], message });
    }
    return [name, stored[name] ?? ''] as const;
  });
  if (problems.length > 0) throw invalid('body', problems);
  return Object.fromEntries(env);
}

function insert(
  db: Db,
  { deps, projectId, by, root = [], input }: Order & { input: TransformationInput },
): Promise<TransformationRow | null> {
  const id = newId('transformation');
  const { name, code, isolation = 'strict' } = input;
  const env = meantEnv(input.env ?? {}, { stored: {}, root });
  const sealed = deps.sealer.seal(env, sealingContext(projectId, id));
  return insertTransformation(db, { projectId, id, name, code, env: sealed, isolation, by });
}

async function change(
  db: Db,
  {
    deps,
    by,
    root = [],
    before,
    input,
  }: Order & { before: TransformationRow; input: TransformationUpdate },
): Promise<TransformationRow> {
  const { id, project_id: projectId } = before;
  const stored = openEnv(deps, before);
  const env = input.env === undefined ? stored : meantEnv(input.env ?? {}, { stored, root });
  const code = input.code ?? before.code;
  const isolation = input.isolation ?? before.isolation;
  const isSame = code === before.code && isolation === before.isolation && isSameEnv(env, stored);
  const row = await updateTransformation(db, {
    id,
    name: input.name ?? before.name,
    code,
    env: isSame ? before.env : deps.sealer.seal(env, sealingContext(projectId, id)),
    isolation,
    by,
    isNewVersion: !isSame,
  });
  return present(row, id);
}

function isSameEnv(a: Environment, b: Environment): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
  );
}

// What was sealed for one row opens in no other.
function sealingContext(projectId: string, id: string): string {
  return `${projectId}/transformations/${id}`;
}
