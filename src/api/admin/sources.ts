import {
  deleteSource,
  disableSource,
  enableSource,
  openSetup,
  sources,
  type SourceRow,
} from '../../db/sources.ts';
import {
  source,
  sourceInput,
  sourceSetup,
  sourceUpdate,
  type SourceUpdate,
} from '../../domain/schema/source.ts';
import { GatewayError } from '../../domain/errors.ts';
import type { ApiDeps } from '../deps.ts';
import { mayBeSetUp, renderSource } from '../render.ts';
import { type Route, route } from '../route.ts';
import { type Named, present } from './named-content.ts';
import { namedRoutes } from './named-routes.ts';
import { authOfSource, prepareSource } from './prepare-source.ts';

/** How sources are made and changed; connections make them too. */
export function namedSources(deps: ApiDeps): Named<SourceRow, SourceUpdate> {
  return { kind: 'source', rows: sources, prepare: prepareSource(deps) };
}

/** `/sources` */
export function sourceRoutes(deps: ApiDeps): Route[] {
  const routes = namedRoutes(deps, {
    ...namedSources(deps),
    plural: 'sources',
    types: deps.sourceTypes,
    input: sourceInput,
    update: sourceUpdate,
    model: source,
    render: (row) => renderSource(row, deps),
    show: (row, auth) => renderSource(row, { ...deps, ...(auth && { auth }) }),
    authOf: (row) => authOfSource(deps, row),
    disable: disableSource,
    enable: enableSource,
    remove: deleteSource,
  });
  return [...routes, setupRoute(deps)];
}

function setupRoute(deps: ApiDeps): Route {
  return route({
    method: 'put',
    path: '/sources/:id/setup',
    summary: 'Let the provider’s handshake hand over the secret of a source that has none',
    tag: 'sources',
    id: 'source',
    body: sourceSetup,
    response: source,
    async handle({ projectId, id, body }) {
      const row = await deps.db.transaction(async (db) => {
        const before = present(await sources.lock(db, { projectId, id }), id);
        if (!mayBeSetUp(before)) throw notToBeSetUp(before);
        await openSetup(db, { id, minutes: body.minutes });
        return present(await sources.find(db, { projectId, id }), id);
      });
      await deps.commands.configurationChanged({ kind: 'source', id });
      return renderSource(row, deps);
    },
  });
}

function notToBeSetUp({ id, type, auth }: SourceRow): GatewayError {
  const message =
    auth === null
      ? `Providers of type ${type} hand over no secret in a handshake: set config.auth instead.`
      : 'The source has its secret. To take a new one from the provider, set config.auth to null first.';
  return new GatewayError('RESOURCE_IN_USE', message, { data: { id, resource_type: 'source' } });
}
