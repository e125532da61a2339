import { z } from 'zod';
import {
  findTransformation,
  findVersion,
  listVersions,
  lockTransformation,
  updateTransformation,
} from '../../db/transformations.ts';
import { listOf } from '../../domain/schema/list.ts';
import {
  transformation,
  transformationRollback,
  transformationVersion,
} from '../../domain/schema/transformation.ts';
import type { ApiDeps } from '../deps.ts';
import { invalid } from '../errors.ts';
import { examplePage } from '../examples/list.ts';
import { exampleTransformation, exampleVersion } from '../examples/transformation.ts';
import { envelope, pageAsked, pagingOf } from '../paging.ts';
import { type Route, route } from '../route.ts';
import { present } from './named-content.ts';
import { viewTransformation, viewVersion } from './transformation-views.ts';

const cursor = z.string().regex(/^[1-9]\d{0,8}$/, 'must be the number of a version');

/** `/transformations/:id/versions` and `/transformations/:id/rollback` */
export function transformationVersionRoutes(deps: ApiDeps): Route[] {
  return [listRoute(deps), rollbackRoute(deps)];
}

function listRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/transformations/:id/versions',
    summary: 'List the versions of a transformation',
    description:
      'Lists the versions of a transformation, the newest first. The values of `env` are hidden unless you ask for them with `include=env`.',
    tag: 'transformations',
    id: 'transformation',
    example: { answer: examplePage(exampleVersion, 'version') },
    query: z.strictObject({
      include: z.literal('env').optional(),
      ...pagingOf({ orders: ['version'], cursor }),
    }),
    response: listOf(transformationVersion),
    async handle({ projectId, id, query }) {
      present(await findTransformation(deps.db, { projectId, id }), id);
      const asked = pageAsked(query, 'version');
      const page = await listVersions(deps.db, { transformationId: id, page: asked });
      const view = { deps, projectId, withEnv: query.include !== undefined };
      return envelope(page, { asked, models: page.rows.map((row) => viewVersion(row, view)) });
    },
  });
}

function rollbackRoute(deps: ApiDeps): Route {
  return route({
    method: 'put',
    path: '/transformations/:id/rollback',
    summary: 'Roll a transformation back',
    description: 'Creates a new version with the code and environment of an earlier one.',
    tag: 'transformations',
    id: 'transformation',
    body: transformationRollback,
    response: transformation,
    example: { body: { version: 1 }, answer: { ...exampleTransformation, version: 3 } },
    async handle({ projectId, keyId: by, id, body: { version } }) {
      const row = await deps.db.transaction(async (db) => {
        const { name } = present(await lockTransformation(db, { projectId, id }), id);
        const earlier = await findVersion(db, { transformationId: id, version });
        if (!earlier) {
          const message = 'names no version of this transformation';
          throw invalid('body', [{ path: ['version'], message }]);
        }
        const { code, env, isolation } = earlier;
        const content = { id, name, code, env, isolation, by, isNewVersion: true };
        return present(await updateTransformation(db, content), id);
      });
      await deps.commands.configurationChanged();
      return viewTransformation(row, { deps, withEnv: false });
    },
  });
}
