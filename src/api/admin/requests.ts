import { z } from 'zod';
import { findEvents } from '../../db/event-reads.ts';
import { listIgnoredEvents } from '../../db/ignored-event-reads.ts';
import { findRequest, readRequests, type RequestRow } from '../../db/request-reads.ts';
import { event, requestRetried } from '../../domain/schema/event.ts';
import { ignoredEvent, ignoredEventId } from '../../domain/schema/ignored-event.ts';
import { listOf } from '../../domain/schema/list.ts';
import { rawBody, type RawBody, request, requestRetry } from '../../domain/schema/request.ts';
import { IgnoredCause } from '../../domain/status.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { choiceFilter, idFilter } from '../filters.ts';
import { eventPage, eventQuery } from '../event-filters.ts';
import { exampleEvent } from '../examples/event.ts';
import { EXAMPLE_ID } from '../examples/ids.ts';
import { examplePage } from '../examples/list.ts';
import {
  exampleIgnoredEvent,
  examplePayload,
  exampleRawBody,
  exampleRequest,
} from '../examples/request.ts';
import { written } from '../json-text.ts';
import { envelope, pageAsked, pagingOf } from '../paging.ts';
import { renderEvent, renderIgnoredEvent } from '../render.ts';
import { requestPage, requestQuery, showRequest } from '../request-filters.ts';
import { type Route, route } from '../route.ts';
import { replayRequestRoute } from './replay.ts';
import { assertRetryable } from './retryable.ts';

type Key = { projectId: string; id: string };

const TAG = 'requests';
const ANY_SIZE = 2 ** 31 - 1;

/** `/requests` */
export function requestRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/requests',
      summary: 'List requests',
      description:
        'Lists requests, the newest first, accepted and rejected ones. `include=data` adds what was sent; a page then ends early once its payloads exceed 8 MB.',
      tag: TAG,
      query: requestQuery,
      response: listOf(request),
      example: { answer: examplePage(exampleRequest) },
      handle: ({ projectId, query }) => requestPage(deps, { projectId, query }),
    }),
    route({
      method: 'get',
      path: '/requests/:id',
      summary: 'Retrieve a request',
      description:
        'Returns a request with `data`, what the sender sent. Bodies above 2.5 MB are left out: see its raw body.',
      tag: TAG,
      id: 'request',
      response: request,
      example: { answer: { ...exampleRequest, data: examplePayload } },
      handle: async (key) => showRequest(deps, await find(deps, key)),
    }),
    rawBodyRoute(deps),
    route({
      method: 'get',
      path: '/requests/:id/events',
      summary: 'List the events of a request',
      description: 'Lists the events that a request became, one for each connection that took it.',
      tag: TAG,
      id: 'request',
      query: eventQuery,
      response: listOf(event),
      example: { answer: examplePage(exampleEvent) },
      async handle({ projectId, id, query }) {
        await find(deps, { projectId, id });
        return eventPage(deps, { projectId, query, requestId: id });
      },
    }),
    ignoredRoute(deps),
    retryRoute(deps),
    replayRequestRoute(deps),
  ];
}

function rawBodyRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/requests/:id/raw_body',
    summary: 'Retrieve the body of a request',
    description:
      'Returns the body as it was sent, byte for byte and of any size: as text, or in base64 where it is not UTF-8.',
    tag: TAG,
    id: 'request',
    response: rawBody,
    example: { answer: exampleRawBody },
    async handle({ projectId, id }) {
      await find(deps, { projectId, id });
      const data = await readRequests(deps.db, { ids: [id], maxBodyBytes: ANY_SIZE });
      const body = data.get(id)?.body;
      if (!body) throw notFound(id);
      return written<RawBody>(await deps.payloads.write({ kind: 'body', body }));
    },
  });
}

function ignoredRoute(deps: ApiDeps): Route {
  const ids = z.union([ignoredEventId, z.array(ignoredEventId)], 'must be an id of ignored events');
  const query = z.strictObject({
    id: ids.optional(),
    cause: choiceFilter(Object.values(IgnoredCause)).optional(),
    webhook_id: idFilter('connection', 'web_').optional(),
    ...pagingOf({ orders: ['created_at'], cursor: ignoredEventId }),
  });
  return route({
    method: 'get',
    path: '/requests/:id/ignored_events',
    summary: 'List the ignored events of a request',
    description:
      'Lists the connections that ignored a request, each with the cause. For a filter that did not match, `mismatches` names the keys.',
    tag: TAG,
    id: 'request',
    query,
    response: listOf(ignoredEvent),
    example: { answer: examplePage(exampleIgnoredEvent) },
    async handle({ projectId, id, query }) {
      await find(deps, { projectId, id });
      const asked = pageAsked(query, 'created_at');
      const wanted = query.id === undefined ? undefined : { in: [query.id].flat() };
      const filters = { ...query, id: wanted };
      const page = await listIgnoredEvents(deps.db, { requestId: id, filters, page: asked });
      return envelope(page, { asked, models: page.rows.map(renderIgnoredEvent) });
    },
  });
}

function retryRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/requests/:id/retry',
    summary: 'Retry a request',
    description:
      'Routes a request again that was rejected, or that connections ignored, after the cause was removed. It is verified as of the time it arrived, with the credentials its source has now: if it fails again, the answer is 200 with its `rejection_cause` and no events. A request that is itself at fault, or that the named connections have already made into events, is answered with 400: replay it to run it through the rules again. If everything that could take it is disabled or was deleted, the answer is 409.',
    tag: TAG,
    id: 'request',
    body: requestRetry,
    response: requestRetried,
    example: {
      body: { webhook_ids: [EXAMPLE_ID.connection] },
      answer: { request: { ...exampleRequest, data: examplePayload }, events: [exampleEvent] },
    },
    async handle({ projectId, id, body }) {
      const row = await find(deps, { projectId, id });
      const connectionIds = body.webhook_ids;
      await assertRetryable(deps.db, { row, connectionIds });
      const order = { projectId, requestId: id, ...(connectionIds && { connectionIds }) };
      const { requestId, eventIds } = await deps.commands.retryRequest(order);
      const events = await findEvents(deps.db, { projectId, ids: eventIds });
      return {
        request: await showRequest(deps, await find(deps, { projectId, id: requestId })),
        events: events.map((each) => renderEvent(each, deps)),
      };
    },
  });
}

async function find({ db }: ApiDeps, key: Key): Promise<RequestRow> {
  const row = await findRequest(db, key);
  if (!row) throw notFound(key.id);
  return row;
}
