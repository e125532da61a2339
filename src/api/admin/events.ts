import { findEvent, readEventPayloads, type EventRow } from '../../db/event-reads.ts';
import { isInLane } from '../../db/lanes.ts';
import { readRequests } from '../../db/request-reads.ts';
import { GatewayError } from '../../domain/errors.ts';
import { event, type Event } from '../../domain/schema/event.ts';
import { listOf } from '../../domain/schema/list.ts';
import { rawBody, type RawBody } from '../../domain/schema/request.ts';
import { EventStatus } from '../../domain/status.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { readEventData } from '../event-data.ts';
import { eventPage, eventQuery } from '../event-filters.ts';
import { exampleEvent, exampleWholeEvent } from '../examples/event.ts';
import { examplePage } from '../examples/list.ts';
import { exampleRawBody } from '../examples/request.ts';
import { written } from '../json-text.ts';
import { renderEvent } from '../render.ts';
import { type Route, route } from '../route.ts';
import { assertDeliverable } from './obstacles.ts';
import { replayEventRoute } from './replay.ts';

type Key = { projectId: string; id: string };

const TAG = 'events';
const ANY_SIZE = 2 ** 31 - 1;
const cancelled = { status: EventStatus.Cancelled, response_status: 500, successful_at: null };
const WAITING: EventStatus[] = [EventStatus.Queued, EventStatus.Scheduled, EventStatus.Hold];

/** `/events` */
export function eventRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/events',
      summary: 'List events',
      description:
        'Lists events, the newest first. `include=data` adds the outgoing requests; a page then ends early once its payloads exceed 8 MB.',
      tag: TAG,
      query: eventQuery,
      response: listOf(event),
      example: { answer: examplePage(exampleEvent) },
      handle: ({ projectId, query }) => eventPage(deps, { projectId, query }),
    }),
    route({
      method: 'get',
      path: '/events/:id',
      summary: 'Retrieve an event',
      description:
        'Returns an event with `data`, the request as the destination gets it, without the headers that differ in each attempt. Bodies above 2.5 MB are left out: see its raw body.',
      tag: TAG,
      id: 'event',
      response: event,
      example: { answer: exampleWholeEvent },
      handle: (key) => show(deps, key),
    }),
    rawBodyRoute(deps),
    retryRoute(deps),
    replayEventRoute(deps),
    cancelRoute(deps, 'cancel'),
    cancelRoute(deps, 'mute'),
  ];
}

function rawBodyRoute({ db, payloads }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/events/:id/raw_body',
    summary: 'Retrieve the body of an event',
    description:
      'Returns the body that is delivered, byte for byte and of any size: as text, or in base64 where it is not UTF-8.',
    tag: TAG,
    id: 'event',
    response: rawBody,
    example: { answer: exampleRawBody },
    async handle({ projectId, id }) {
      const row = await find({ db }, { projectId, id });
      const maxBodyBytes = ANY_SIZE;
      const payload = row.has_payload
        ? (await readEventPayloads(db, { ids: [id], maxBodyBytes })).get(id)
        : (await readRequests(db, { ids: [row.request_id], maxBodyBytes })).get(row.request_id);
      if (!payload?.body) throw notFound(id);
      return written<RawBody>(await payloads.write({ kind: 'body', body: payload.body }));
    },
  });
}

function retryRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/events/:id/retry',
    summary: 'Retry an event',
    description:
      'Delivers an event once more, now: one that failed, succeeded or was cancelled. An event that still waits (`QUEUED`, `SCHEDULED` or `HOLD`) is answered with 400: Sluice will deliver it. One whose connection or destination is disabled or was deleted is answered with 409.',
    tag: TAG,
    id: 'event',
    response: event,
    example: { answer: exampleWholeEvent },
    async handle({ projectId, id }) {
      const row = await find(deps, { projectId, id });
      if (WAITING.includes(row.status)) {
        throw ineligible(
          row,
          `is ${row.status}: Sluice will deliver it, so there is nothing to retry`,
        );
      }
      await assertDeliverable(deps.db, row);
      await deps.commands.retryEvents({ projectId, eventIds: [id] });
      return show(deps, { projectId, id });
    },
  });
}

function cancelRoute(deps: ApiDeps, word: 'cancel' | 'mute'): Route {
  return route({
    method: 'put',
    path: `/events/:id/${word}`,
    summary: `${word === 'cancel' ? 'Cancel' : 'Mute'} an event`,
    description:
      word === 'cancel'
        ? 'Cancels an event that waits or will be retried, or a failed one that blocks those ordered behind it. Anything else is answered with 400.'
        : 'The same as cancel.',
    tag: TAG,
    id: 'event',
    response: event,
    example: { answer: { ...exampleWholeEvent, ...cancelled } },
    async handle({ projectId, id }) {
      const row = await find(deps, { projectId, id });
      const isFinal = row.status === EventStatus.Failed && row.next_attempt_at === null;
      const isOpen = isFinal
        ? await isInLane(deps.db, row)
        : [...WAITING, EventStatus.Failed].includes(row.status);
      if (!isOpen) throw ineligible(row, `is ${row.status}: there is nothing left to cancel`);
      await deps.commands.cancelEvents({ projectId, eventIds: [id] });
      return show(deps, { projectId, id });
    },
  });
}

async function show(deps: ApiDeps, { projectId, id }: Key): Promise<Event> {
  const row = await find(deps, { projectId, id });
  const data = (await readEventData(deps, { projectId, events: [row] })).get(id);
  return { ...renderEvent(row, deps), ...(data && { data }) };
}

async function find({ db }: Pick<ApiDeps, 'db'>, key: Key): Promise<EventRow> {
  const row = await findEvent(db, key);
  if (!row) throw notFound(key.id);
  return row;
}

function ineligible({ id }: EventRow, reason: string): GatewayError {
  return new GatewayError('BAD_REQUEST', `The event ${reason}.`, { data: { event_id: id } });
}
