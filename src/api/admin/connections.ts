import { z } from 'zod';
import {
  CONNECTION_ORDER,
  countConnections,
  deleteConnection,
  findConnection,
  listConnections,
  lockConnection,
  setConnectionDisabled,
} from '../../db/connections.ts';
import { countHeld } from '../../db/gates.ts';
import type { Db } from '../../db/pool.ts';
import {
  connection,
  type Connection,
  connectionInput,
  connectionUpdate,
} from '../../domain/schema/connection.ts';
import { connectionId } from '../../domain/schema/id.ts';
import { count, deleted, listOf } from '../../domain/schema/list.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { exampleConnection, exampleConnectionInput } from '../examples/connection.ts';
import { EXAMPLE_ID, EXAMPLE_TIME } from '../examples/ids.ts';
import { examplePage } from '../examples/list.ts';
import { flag, idFilter, textFilter, timeFilter } from '../filters.ts';
import { envelope, pageAsked, pagingOf } from '../paging.ts';
import { renderConnection } from '../render.ts';
import { type Route, route } from '../route.ts';
import { gateRoutes } from './gate-routes.ts';
import { present } from './named-content.ts';
import { changeConnection, saveConnection } from './save-connection.ts';
import { assertRulesRunnable, assertWithinRetention } from './save-rules.ts';

type Order = keyof typeof CONNECTION_ORDER;
type Key = { projectId: string; id: string };

const TAG = 'connections';
const SAVED = {
  post: 'Creates a connection. Name its source and destination by id, or describe them in `source` and `destination`: they are then created, or updated where their names exist. A name that another connection of the source has is answered with 409.',
  put: 'Updates the connection with this name at this source, or creates it. Use it to apply a configuration again and again. `source` and `destination` work as in a creation.',
};
const SWITCHED = {
  enable: 'Lets a disabled connection accept requests again.',
  disable:
    'The connection ignores new requests, with the cause `DISABLED`, and events that wait are cancelled when they are due. To keep events instead, pause it.',
  archive: 'The same as disable.',
  unarchive: 'The same as enable.',
};
const ORDERS = Object.keys(CONNECTION_ORDER) as [Order, ...Order[]];
const FILTERS = {
  id: idFilter('connection', 'web_').optional(),
  name: textFilter.optional(),
  source_id: idFilter('source', 'src_').optional(),
  destination_id: idFilter('destination', 'des_').optional(),
  disabled: flag.optional(),
  disabled_at: timeFilter.optional(),
  paused_at: timeFilter.optional(),
  full_name: z
    .string()
    .max(400)
    .regex(/^[a-z0-9-_>\s]+$/i, 'must hold letters, digits, -, _, > and spaces only')
    .optional(),
};

/** `/connections` */
export function connectionRoutes(deps: ApiDeps): Route[] {
  return [
    listRoute(deps),
    countRoute(deps),
    saveRoute(deps, 'post'),
    saveRoute(deps, 'put'),
    showRoute(deps),
    updateRoute(deps),
    deleteRoute(deps),
    ...(['enable', 'disable', 'archive', 'unarchive'] as const).map((word) =>
      switchRoute(deps, word),
    ),
    ...gateRoutes(deps, {
      kind: 'connection',
      plural: TAG,
      model: connection,
      words: {
        pause:
          'Holds the events of a connection. They wait with status `HOLD`, and nothing is lost.',
        resume: 'Delivers the events that waited while the connection was paused, and new ones.',
      },
      example: (gate) => ({ ...exampleConnection, ...gate }),
      show: (key, shown) => show(deps, key, shown),
    }),
  ];
}

function listRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/connections',
    summary: 'List connections',
    description: 'Lists connections with their sources and destinations, the newest first.',
    tag: TAG,
    query: z.strictObject({ ...FILTERS, ...pagingOf({ orders: ORDERS, cursor: connectionId }) }),
    response: listOf(connection),
    example: { answer: examplePage(exampleConnection) },
    async handle({ projectId, query }) {
      const asked = pageAsked<Order>(query, 'created_at');
      const page = await listConnections(deps.db, { projectId, filters: query, page: asked });
      return envelope(page, { asked, models: page.rows.map((row) => renderConnection(row, deps)) });
    },
  });
}

function countRoute({ db }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/connections/count',
    summary: 'Count connections',
    description: 'Counts the connections that match the filters.',
    tag: TAG,
    query: z.strictObject(FILTERS),
    response: count,
    example: { answer: { count: 3 } },
    async handle({ projectId, query }) {
      return { count: await countConnections(db, { projectId, filters: query }) };
    },
  });
}

function saveRoute(deps: ApiDeps, method: 'post' | 'put'): Route {
  return route({
    method,
    path: '/connections',
    summary: method === 'post' ? 'Create a connection' : 'Create or update a connection by name',
    description: SAVED[method],
    tag: TAG,
    body: connectionInput,
    response: connection,
    example: { body: exampleConnectionInput, answer: exampleConnection },
    async handle({ projectId, keyId: by, body }) {
      const upsert = method === 'put';
      assertWithinRetention(deps, body);
      await assertRulesRunnable(deps, { projectId, rules: body.rules });
      const id = await deps.db.transaction((db) =>
        saveConnection(db, { deps, projectId, by, input: body, upsert }),
      );
      return changed(deps, { projectId, id });
    },
  });
}

function showRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/connections/:id',
    summary: 'Retrieve a connection',
    description: 'Returns a connection with its source, destination and rules.',
    tag: TAG,
    id: 'connection',
    response: connection,
    example: { answer: { ...exampleConnection, held_count: 0 } },
    async handle(key) {
      const heldCount = await countHeld(deps.db, { kind: 'connection', id: key.id });
      return show(deps, key, { heldCount });
    },
  });
}

function updateRoute(deps: ApiDeps): Route {
  return route({
    method: 'put',
    path: '/connections/:id',
    summary: 'Update a connection',
    description:
      'Changes what is given. `rules` replaces all rules; events that already wait follow the new retry rule from their next attempt. Its source and destination stay the same.',
    tag: TAG,
    id: 'connection',
    body: connectionUpdate,
    response: connection,
    example: { body: { rules: exampleConnection.rules }, answer: exampleConnection },
    async handle({ projectId, keyId: by, id, body }) {
      assertWithinRetention(deps, body);
      await assertRulesRunnable(deps, { projectId, rules: body.rules });
      await deps.db.transaction(async (db) => {
        const before = present(await lockConnection(db, { projectId, id }), id);
        await changeConnection(db, { deps, by, before, input: body });
      });
      return changed(deps, { projectId, id });
    },
  });
}

function deleteRoute(deps: ApiDeps): Route {
  return route({
    method: 'delete',
    path: '/connections/:id',
    summary: 'Delete a connection',
    description:
      'Deletes a connection. Nothing more is sent: each waiting event becomes `FAILED` with `retry_state: ENDED` and `error_code: CANCELLED`, at the latest when it is due, and its `next_attempt_at` is null at once. Events and attempts can be read until their retention ends.',
    tag: TAG,
    id: 'connection',
    response: deleted,
    example: { answer: { id: EXAMPLE_ID.connection } },
    async handle({ projectId, id }) {
      await withLocked(deps, { projectId, id }, (db) => deleteConnection(db, id));
      await deps.commands.configurationChanged({ kind: 'connection', id, deleted: true });
      return { id };
    },
  });
}

function switchRoute(deps: ApiDeps, word: 'enable' | 'disable' | 'archive' | 'unarchive'): Route {
  const disabled = word === 'disable' || word === 'archive';
  return route({
    method: 'put',
    path: `/connections/:id/${word}`,
    summary: `${disabled ? 'Disable' : 'Enable'} a connection`,
    description: SWITCHED[word],
    tag: TAG,
    id: 'connection',
    response: connection,
    example: {
      answer: { ...exampleConnection, disabled_at: disabled ? EXAMPLE_TIME : null },
    },
    async handle({ projectId, id }) {
      await withLocked(deps, { projectId, id }, (db) =>
        setConnectionDisabled(db, { id, disabled }),
      );
      return changed(deps, { projectId, id });
    },
  });
}

async function show(
  deps: ApiDeps,
  key: Key,
  shown: { heldCount?: number } = {},
): Promise<Connection> {
  const joined = await findConnection(deps.db, key);
  if (!joined) throw notFound(key.id);
  present(joined.connection, key.id);
  return renderConnection(joined, { ...deps, ...shown });
}

async function changed(deps: ApiDeps, key: Key): Promise<Connection> {
  await deps.commands.configurationChanged({ kind: 'connection', id: key.id });
  return show(deps, key);
}

function withLocked(deps: ApiDeps, key: Key, work: (db: Db) => Promise<void>): Promise<void> {
  return deps.db.transaction(async (db) => {
    present(await lockConnection(db, key), key.id);
    await work(db);
  });
}
