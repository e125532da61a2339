import { z } from 'zod';
import type { Db } from '../../db/pool.ts';
import {
  countTransformations,
  deleteTransformation,
  findTransformation,
  listConnectionsUsing,
  listTransformations,
  lockTransformation,
  type TransformationRow,
} from '../../db/transformations.ts';
import { GatewayError } from '../../domain/errors.ts';
import { transformationId } from '../../domain/schema/id.ts';
import { count, deleted, listOf } from '../../domain/schema/list.ts';
import {
  transformation,
  transformationInput,
  transformationUpdate,
} from '../../domain/schema/transformation.ts';
import type { ApiDeps } from '../deps.ts';
import { EXAMPLE_ID } from '../examples/ids.ts';
import { examplePage } from '../examples/list.ts';
import { exampleTransformation, exampleTransformationInput } from '../examples/transformation.ts';
import { idFilter, textFilter, timeFilter } from '../filters.ts';
import { envelope, pageAsked, pagingOf } from '../paging.ts';
import { type Route, route } from '../route.ts';
import { present } from './named-content.ts';
import {
  assertChangeRunnable,
  assertRunnable,
  changeTransformation,
  createTransformation,
  upsertTransformation,
} from './transformation-content.ts';
import { transformationExecutionRoutes } from './transformation-executions.ts';
import { transformationRunRoute } from './transformation-run.ts';
import { transformationVersionRoutes } from './transformation-versions.ts';
import { viewTransformation } from './transformation-views.ts';

const TAG = 'transformations';
const ORDERS = ['created_at', 'updated_at', 'name'] as const;
const FILTERS = {
  id: idFilter('transformation', 'trs_').optional(),
  name: textFilter.optional(),
  created_at: timeFilter.optional(),
  updated_at: timeFilter.optional(),
};
const fastTransformation = { ...exampleTransformation, isolation: 'fast', version: 2 } as const;
const INCLUDE = { include: z.literal('env').optional() };

/** `/transformations` */
export function transformationRoutes(deps: ApiDeps): Route[] {
  return [
    transformationRunRoute(deps),
    listRoute(deps),
    countRoute(deps),
    saveRoute(deps, 'post'),
    saveRoute(deps, 'put'),
    showRoute(deps),
    updateRoute(deps),
    deleteRoute(deps),
    ...transformationVersionRoutes(deps),
    ...transformationExecutionRoutes(deps),
  ];
}

function listRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/transformations',
    summary: 'List transformations',
    description:
      'Lists transformations, the newest first. The values of `env` are hidden unless you ask for them with `include=env`.',
    tag: TAG,
    example: { answer: examplePage(exampleTransformation) },
    query: z.strictObject({
      ...FILTERS,
      ...INCLUDE,
      ...pagingOf({ orders: ORDERS, cursor: transformationId }),
    }),
    response: listOf(transformation),
    async handle({ projectId, query }) {
      const asked = pageAsked(query, 'created_at');
      const page = await listTransformations(deps.db, { projectId, filters: query, page: asked });
      const withEnv = query.include !== undefined;
      const models = page.rows.map((row) => viewTransformation(row, { deps, withEnv }));
      return envelope(page, { asked, models });
    },
  });
}

function countRoute({ db }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/transformations/count',
    summary: 'Count transformations',
    description: 'Counts the transformations that match the filters.',
    tag: TAG,
    example: { answer: { count: 3 } },
    query: z.strictObject(FILTERS),
    response: count,
    async handle({ projectId, query }) {
      return { count: await countTransformations(db, { projectId, filters: query }) };
    },
  });
}

function saveRoute(deps: ApiDeps, method: 'post' | 'put'): Route {
  const save = method === 'post' ? createTransformation : upsertTransformation;
  return route({
    method,
    path: '/transformations',
    summary:
      method === 'post' ? 'Create a transformation' : 'Create or update a transformation by name',
    description:
      method === 'post'
        ? 'Creates a transformation. The code is compiled first: code that cannot run is answered with 422, with line and column. A name that is taken is answered with 409.'
        : 'Updates the transformation with this name, or creates it. New code, environment or isolation makes a new version.',
    tag: TAG,
    body: transformationInput,
    response: transformation,
    example: { body: exampleTransformationInput, answer: exampleTransformation },
    async handle({ projectId, keyId: by, body: input }) {
      await assertRunnable(deps, { projectId, input });
      return saved(deps, (db) => save(db, { deps, projectId, by, input }));
    },
  });
}

function showRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/transformations/:id',
    summary: 'Retrieve a transformation',
    description:
      'Returns a transformation. The values of `env` are hidden unless you ask for them with `include=env`.',
    tag: TAG,
    id: 'transformation',
    example: { answer: exampleTransformation },
    query: z.strictObject(INCLUDE),
    response: transformation,
    async handle({ projectId, id, query }) {
      const row = present(await findTransformation(deps.db, { projectId, id }), id);
      return viewTransformation(row, { deps, withEnv: query.include !== undefined });
    },
  });
}

function updateRoute(deps: ApiDeps): Route {
  return route({
    method: 'put',
    path: '/transformations/:id',
    summary: 'Update a transformation',
    description:
      'Changes what is given. New code, environment or isolation makes a new version, which runs for requests routed from then on. A hidden value of `env` that is sent back stays as it is.',
    tag: TAG,
    id: 'transformation',
    body: transformationUpdate,
    response: transformation,
    example: { body: { isolation: 'fast' }, answer: fastTransformation },
    async handle({ projectId, keyId: by, id, body: input }) {
      const before = present(await findTransformation(deps.db, { projectId, id }), id);
      await assertChangeRunnable(deps, { before, input });
      return saved(deps, (db) => changeTransformation(db, { deps, projectId, by, id, input }));
    },
  });
}

function deleteRoute(deps: ApiDeps): Route {
  return route({
    method: 'delete',
    path: '/transformations/:id',
    summary: 'Delete a transformation',
    description:
      'Deletes a transformation. While connections use it, the answer is 409 and names them.',
    tag: TAG,
    id: 'transformation',
    response: deleted,
    example: { answer: { id: EXAMPLE_ID.transformation } },
    async handle({ projectId, id }) {
      await deps.db.transaction(async (db) => {
        present(await lockTransformation(db, { projectId, id }), id);
        const connections = await listConnectionsUsing(db, { projectId, id });
        if (connections.length > 0) throw inUse(connections);
        await deleteTransformation(db, id);
      });
      await deps.commands.configurationChanged();
      return { id };
    },
  });
}

async function saved(deps: ApiDeps, work: (db: Db) => Promise<TransformationRow>) {
  const row = await deps.db.transaction(work);
  await deps.commands.configurationChanged();
  return viewTransformation(row, { deps, withEnv: false });
}

const MAX_NAMED = 20;

function inUse(connections: { id: string; name: string }[]): GatewayError {
  const names = connections.slice(0, MAX_NAMED).map(({ name }) => name);
  const more = connections.length > MAX_NAMED ? ` and ${connections.length - MAX_NAMED} more` : '';
  const message = `The transformation is used by ${names.join(', ')}${more}. Remove it from their rules first.`;
  return new GatewayError('RESOURCE_IN_USE', message, { data: { connections } });
}
