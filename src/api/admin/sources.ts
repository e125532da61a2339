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
import { exampleSource, exampleSourceInput } from '../examples/source.ts';
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
    words: {
      create:
        'Creates a source and returns its `url`, which senders call. `type` names the sender, and `config.auth` holds what verifies its requests; without `auth` nothing is verified. Without `type` it is a `WEBHOOK` source.',
      remove:
        'Deletes a source and its connections. Its URL answers 410 from then on. Nothing more is sent: each waiting event becomes `FAILED` with `retry_state: ENDED` and `error_code: CANCELLED`, at the latest when it is due, and its `next_attempt_at` is null at once. Requests and events can be read until their retention ends.',
      disable:
        'Disables a source and its connections. Its requests are stored, rejected with `SOURCE_DISABLED`, and can be retried later.',
      enable:
        'Lets a source accept requests again, and enables the connections that were disabled with it. Those disabled before, or on their own, stay disabled.',
    },
    example: { input: exampleSourceInput, model: exampleSource, shown: exampleSource },
  });
  return [...routes, setupRoute(deps)];
}

function setupRoute(deps: ApiDeps): Route {
  return route({
    method: 'put',
    path: '/sources/:id/setup',
    summary: 'Open the set-up window of a source',
    description:
      'Asana, Clio and Notion hand over their secret in a handshake. Sluice accepts it only for a while after a source was created; this opens that window again. Types that hand over no secret, and sources that have theirs, are answered with 409.',
    tag: 'sources',
    id: 'source',
    body: sourceSetup,
    response: source,
    example: {
      body: { minutes: 30 },
      answer: {
        ...exampleSource,
        type: 'NOTION',
        authenticated: false,
        setup_until: '2026-09-01T12:30:00.000Z',
      },
    },
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
