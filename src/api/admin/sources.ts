import {
  deleteSource,
  disableSource,
  enableSource,
  sources,
  type SourceRow,
} from '../../db/sources.ts';
import {
  source,
  sourceInput,
  sourceUpdate,
  type SourceUpdate,
} from '../../domain/schema/source.ts';
import type { ApiDeps } from '../deps.ts';
import { renderSource } from '../render.ts';
import type { Route } from '../route.ts';
import type { Named } from './named-content.ts';
import { namedRoutes } from './named-routes.ts';
import { authOfSource, prepareSource } from './prepare-source.ts';

/** How sources are made and changed; connections make them too. */
export function namedSources(deps: ApiDeps): Named<SourceRow, SourceUpdate> {
  return { kind: 'source', rows: sources, prepare: prepareSource(deps) };
}

/** `/sources` */
export function sourceRoutes(deps: ApiDeps): Route[] {
  return namedRoutes(deps, {
    ...namedSources(deps),
    plural: 'sources',
    input: sourceInput,
    update: sourceUpdate,
    model: source,
    render: (row, auth) => renderSource(row, { ...deps, ...(auth && { auth }) }),
    authOf: (row) => authOfSource(deps, row),
    disable: disableSource,
    enable: enableSource,
    remove: deleteSource,
  });
}
