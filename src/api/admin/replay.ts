import { findConnections } from '../../db/connections.ts';
import { findEvent, findEvents } from '../../db/event-reads.ts';
import { findRequest } from '../../db/request-reads.ts';
import { sources } from '../../db/sources.ts';
import { GatewayError } from '../../domain/errors.ts';
import type { Problem } from '../../domain/schema/problem.ts';
import { replayed, replayInput, type ReplayInput } from '../../domain/schema/replay.ts';
import type { ApiDeps } from '../deps.ts';
import { invalid, notFound } from '../errors.ts';
import { exampleEvent } from '../examples/event.ts';
import { EXAMPLE_ID } from '../examples/ids.ts';
import { examplePayload, exampleRequest } from '../examples/request.ts';
import { assertTakesRequests } from './obstacles.ts';
import { assertWhole } from './retryable.ts';
import { renderEvent } from '../render.ts';
import { showRequest } from '../request-filters.ts';
import { type Route, route } from '../route.ts';

const replayedRequest = { ...exampleRequest, data: examplePayload };

/** One source where the request is taken in, for some of its connections or for all. */
type Target = { sourceId: string; connectionIds?: string[] };

/** `POST /requests/:id/replay`: through the pipeline as it is now; by default at its own source. */
export function replayRequestRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/requests/:id/replay',
    summary: 'Replay a request',
    description:
      'Accepts a stored request once more, as a new request that goes through the current configuration. The original stays as it is. By default it is replayed at its own source; name another source, or some connections. A request whose body was not kept whole is answered with 400, and one whose source or named connection is disabled or was deleted with 409.',
    tag: 'requests',
    id: 'request',
    body: replayInput,
    response: replayed,
    example: { body: {}, answer: { requests: [replayedRequest], events: [exampleEvent] } },
    async handle({ projectId, id, body }) {
      const row = await findRequest(deps.db, { projectId, id });
      if (!row) throw notFound(id);
      assertWhole(row);
      const own = { sourceId: row.source_id };
      const targets = await targetsOf(deps, { projectId, body, own });
      return replay(deps, { projectId, requestId: id, targets });
    },
  });
}

/** `POST /events/:id/replay`: the request behind an event; by default for the event's own connection. */
export function replayEventRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/events/:id/replay',
    summary: 'Replay an event',
    description:
      'Accepts the request behind an event once more, as a new request that goes through the current configuration. By default it is replayed for the connection of the event; name another source, or some connections. If one of them is disabled or was deleted, the answer is 409.',
    tag: 'events',
    id: 'event',
    body: replayInput,
    response: replayed,
    example: {
      body: { webhook_ids: [EXAMPLE_ID.connection] },
      answer: { requests: [replayedRequest], events: [exampleEvent] },
    },
    async handle({ projectId, id, body }) {
      const row = await findEvent(deps.db, { projectId, id });
      if (!row) throw notFound(id);
      const own = { sourceId: row.source_id, connectionIds: [row.connection_id] };
      const targets = await targetsOf(deps, { projectId, body, own });
      return replay(deps, { projectId, requestId: row.request_id, targets });
    },
  });
}

async function replay(
  deps: ApiDeps,
  { projectId, requestId, targets }: { projectId: string; requestId: string; targets: Target[] },
) {
  const { db, commands } = deps;
  const subject = 'The request cannot be replayed';
  await assertTakesRequests(db, { projectId, targets, subject });
  const requests = [];
  const eventIds: string[] = [];
  for (const target of targets) {
    const made = await commands.replayRequest({ projectId, requestId, ...target });
    if (!made) throw archived(requestId);
    eventIds.push(...made.eventIds);
    const row = await findRequest(db, { projectId, id: made.requestId });
    if (row) requests.push(await showRequest(deps, row));
  }
  const events = await findEvents(db, { projectId, ids: eventIds });
  return { requests, events: events.map((event) => renderEvent(event, deps)) };
}

/** One target for every source that is meant; throws a 422 for what is no source or connection. */
async function targetsOf(
  { db }: ApiDeps,
  { projectId, body, own }: { projectId: string; body: ReplayInput; own: Target },
): Promise<Target[]> {
  const { source_id: sourceId, webhook_ids: ids } = body;
  const problems: Problem[] = [];
  const source = sourceId ? await sources.find(db, { projectId, id: sourceId }) : null;
  if (sourceId && (!source || source.deleted_at !== null)) {
    problems.push({ path: ['source_id'], message: 'names no source' });
  }
  const known = ids ? await findConnections(db, { projectId, ids }) : [];
  const open = known
    .map(({ connection }) => connection)
    .filter((row) => row.deleted_at === null && (!sourceId || row.source_id === sourceId));
  for (const [index, id] of (ids ?? []).entries()) {
    if (open.some((row) => row.id === id)) continue;
    const message = sourceId ? 'names no connection of that source' : 'names no connection';
    problems.push({ path: ['webhook_ids', index], message });
  }
  if (problems.length > 0) throw invalid('body', problems);
  if (!ids) return [sourceId ? { sourceId } : own];
  return [...Map.groupBy(open, (row) => row.source_id)].map(([id, rows]) => ({
    sourceId: id,
    connectionIds: rows.map((row) => row.id),
  }));
}

function archived(requestId: string): GatewayError {
  const message = 'The content of this request is no longer stored.';
  return new GatewayError('BAD_REQUEST', message, { data: { request_id: requestId } });
}
