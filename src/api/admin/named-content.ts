import { type IdKind, newId } from '../../db/ids.ts';
import type { NamedRow, NamedTable } from '../../db/named-rows.ts';
import type { Db } from '../../db/pool.ts';
import { exists, gone, notFound } from '../errors.ts';

type Content = Pick<NamedRow, 'name' | 'description' | 'type' | 'config' | 'auth'>;

/** Makes of what was asked for what a row holds; throws a 422 below `root` where it cannot. */
export type Prepare<Row, Update> = (order: {
  projectId: string;
  id: string;
  before: Row | null;
  input: Update;
  root: string;
}) => Promise<Content>;

/** A kind of thing that has a name: its table, and how its rows are made. */
export type Named<Row extends NamedRow, Update> = {
  kind: IdKind & ('source' | 'destination');
  rows: NamedTable<Row>;
  prepare: Prepare<Row, Update>;
  /** What a new one gets besides, in the same transaction. */
  complete?(db: Db, made: { projectId: string; id: string }): Promise<void>;
};

type Order<Update> = { projectId: string; input: Update & { name: string }; root: string };

/** Makes one; a taken name is a 409 with the id of its owner. */
export async function createNamed<Row extends NamedRow, Update>(
  db: Db,
  named: Named<Row, Update>,
  order: Order<Update>,
): Promise<Row> {
  const made = await insertNamed(db, named, order);
  if (made) return made;
  const { kind, rows } = named;
  const { projectId, input } = order;
  const owner = await rows.lockByName(db, { projectId, name: input.name });
  throw exists(kind, owner);
}

/** Makes one, or changes the one of this name. */
export async function upsertNamed<Row extends NamedRow, Update>(
  db: Db,
  named: Named<Row, Update>,
  order: Order<Update>,
): Promise<Row> {
  const { projectId, input, root } = order;
  for (;;) {
    const before = await named.rows.lockByName(db, { projectId, name: input.name });
    if (before) return change(db, named, { projectId, before, input, root });
    const made = await insertNamed(db, named, order);
    if (made) return made;
    // Another one made it in between: now it can be found.
  }
}

/** Changes one; a name that another one has is a 409. */
export async function updateNamed<
  Row extends NamedRow,
  Update extends { name?: string | undefined },
>(
  db: Db,
  named: Named<Row, Update>,
  { projectId, id, input }: { projectId: string; id: string; input: Update },
): Promise<Row> {
  const before = present(await named.rows.lock(db, { projectId, id }), id);
  const { name } = input;
  const owner = name === undefined ? null : await named.rows.lockByName(db, { projectId, name });
  if (owner && owner.id !== id) throw exists(named.kind, owner);
  return change(db, named, { projectId, before, input, root: 'body' });
}

/** The row, unless there is none (404) or it was deleted (410). */
export function present<Row extends { deleted_at: Date | null }>(row: Row | null, id: string): Row {
  if (!row) throw notFound(id);
  if (row.deleted_at !== null) throw gone();
  return row;
}

async function insertNamed<Row extends NamedRow, Update>(
  db: Db,
  { kind, rows, prepare, complete }: Named<Row, Update>,
  { projectId, input, root }: Order<Update>,
): Promise<Row | null> {
  const id = newId(kind);
  const content = await prepare({ projectId, id, before: null, input, root });
  const made = await rows.insert(db, { projectId, id, ...content });
  if (made) await complete?.(db, { projectId, id });
  return made;
}

async function change<Row extends NamedRow, Update>(
  db: Db,
  { rows, prepare }: Named<Row, Update>,
  order: { projectId: string; before: Row; input: Update; root: string },
): Promise<Row> {
  const { id } = order.before;
  const content = await prepare({ ...order, id });
  return present(await rows.update(db, { id, ...content }), id);
}
