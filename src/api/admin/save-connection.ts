import {
  type ConnectionRow,
  insertConnection,
  lockConnectionByName,
  updateConnection,
} from '../../db/connections.ts';
import { newId } from '../../db/ids.ts';
import type { NamedRow } from '../../db/named-rows.ts';
import type { Db } from '../../db/pool.ts';
import type { ConnectionInput, ConnectionUpdate } from '../../domain/schema/connection.ts';
import type { ApiDeps } from '../deps.ts';
import { exists, invalid } from '../errors.ts';
import { namedDestinations } from './destinations.ts';
import { type Named, upsertNamed } from './named-content.ts';
import { storeRules } from './save-rules.ts';
import { namedSources } from './sources.ts';

/** Makes a connection, and its ends where they are described; changes the one of this name where `upsert` says so. */
export async function saveConnection(
  db: Db,
  {
    deps,
    projectId,
    by,
    input,
    upsert,
  }: { deps: ApiDeps; projectId: string; by: string; input: ConnectionInput; upsert: boolean },
): Promise<string> {
  const source = await endOf(db, namedSources(deps), {
    projectId,
    id: input.source_id,
    input: input.source,
  });
  const destination = await endOf(db, namedDestinations(deps), {
    projectId,
    id: input.destination_id,
    input: input.destination,
  });
  const given = input.rules && (await storeRules(db, { deps, projectId, by, rules: input.rules }));
  const name = input.name ?? null;
  const wanted = { sourceId: source.id, destinationId: destination.id, name };
  for (;;) {
    const before = upsert || name !== null ? await lockConnectionByName(db, wanted) : null;
    if (before && !upsert) throw exists('connection', before);
    if (before) {
      const content = contentOf(before, { ...input, rules: given });
      await updateConnection(db, { id: before.id, destinationId: destination.id, ...content });
      return before.id;
    }
    const id = newId('connection');
    const { description = null, ordering = null, webhook_headers: webhookHeaders } = input;
    const content = { description, rules: given ?? [], ordering, webhookHeaders };
    const row = { ...wanted, projectId, id, ...content };
    if (await insertConnection(db, row)) return id;
    // Another one made it in between: now it can be found.
  }
}

/** Changes a connection; a name that another one of its source has is a 409. */
export async function changeConnection(
  db: Db,
  {
    deps,
    by,
    before,
    input,
  }: { deps: ApiDeps; by: string; before: ConnectionRow; input: ConnectionUpdate },
): Promise<void> {
  const { id, source_id: sourceId, destination_id: destinationId } = before;
  if (input.name) {
    const owner = await lockConnectionByName(db, { sourceId, destinationId, name: input.name });
    if (owner && owner.id !== id) throw exists('connection', owner);
  }
  const projectId = before.project_id;
  const rules = input.rules && (await storeRules(db, { deps, projectId, by, rules: input.rules }));
  await updateConnection(db, { id, ...contentOf(before, { ...input, rules }) });
}

function contentOf(before: ConnectionRow, input: ConnectionUpdate) {
  return {
    name: input.name === undefined ? before.name : input.name,
    description: input.description === undefined ? before.description : input.description,
    rules: input.rules ?? before.rules,
    ordering: input.ordering === undefined ? before.ordering : input.ordering,
    webhookHeaders: input.webhook_headers,
  };
}

// A described end is made, or changed where its name is known: many connections share one source.
async function endOf<Row extends NamedRow, Update>(
  db: Db,
  named: Named<Row, Update>,
  {
    projectId,
    id,
    input,
  }: {
    projectId: string;
    id: string | null | undefined;
    input: (Update & { name: string }) | null | undefined;
  },
): Promise<Row> {
  if (input) return upsertNamed(db, named, { projectId, input, root: `body.${named.kind}` });
  const row = id ? await named.rows.find(db, { projectId, id }) : null;
  if (row && row.deleted_at === null) return row;
  const message = row ? `names a ${named.kind} that was deleted` : `names no ${named.kind}`;
  throw invalid('body', [{ path: [`${named.kind}_id`], message }]);
}
