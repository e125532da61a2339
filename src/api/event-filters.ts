import { z } from 'zod';
import { listConnectionIds } from '../db/connections.ts';
import {
  type EventFilters,
  type EventRow,
  listEvents,
  readEventPayloadSizes,
} from '../db/event-reads.ts';
import { type Filter, isBackwards } from '../db/query.ts';
import { readRequestSizes } from '../db/request-reads.ts';
import { AttemptErrorCode } from '../domain/outcome.ts';
import { groupName } from '../domain/delivery-group.ts';
import { shortLaneKey } from '../domain/lane.ts';
import { type Event } from '../domain/schema/event.ts';
import { eventId } from '../domain/schema/id.ts';
import { EventStatus, RetryState } from '../domain/status.ts';
import type { ApiDeps } from './deps.ts';
import { readEventData } from './event-data.ts';
import {
  choiceFilter,
  flag,
  idFilter,
  jsonFilter,
  jsonObjectFilter,
  numberFilter,
  textFilter,
  timeFilter,
} from './filters.ts';
import { asksForNothing, futureFilter, notesOnFilters } from './future-filters.ts';
import { batchesOf, fitting } from './page-of-payloads.ts';
import { envelope, pageAsked, pagingOf } from './paging.ts';
import { renderEvent } from './render.ts';

const ORDERS = ['created_at'] as const;

export const pathFilter = z.string().min(1, 'must not be empty').max(2048);
export const searchFilter = z
  .string()
  .min(3, 'must be 3 characters long or longer')
  .max(200, 'must be at most 200 characters long');

/** Every parameter of a list of events. */
export const eventQuery = z.strictObject({
  id: idFilter('event', 'evt_').optional(),
  status: choiceFilter(Object.values(EventStatus)).optional(),
  retry_state: choiceFilter(Object.values(RetryState)).optional(),
  webhook_id: idFilter('connection', 'web_').optional(),
  destination_id: idFilter('destination', 'des_').optional(),
  source_id: idFilter('source', 'src_').optional(),
  delivery_group: textFilter.optional(),
  lane_key: textFilter.optional(),
  attempts: numberFilter.optional(),
  response_status: numberFilter.optional(),
  successful_at: timeFilter.optional(),
  created_at: timeFilter.optional(),
  error_code: choiceFilter(Object.values(AttemptErrorCode)).optional(),
  cli_id: futureFilter('cli_id'),
  last_attempt_at: timeFilter.optional(),
  next_attempt_at: timeFilter.optional(),
  search_term: searchFilter.optional(),
  headers: jsonObjectFilter.optional(),
  body: jsonFilter.optional(),
  parsed_query: jsonObjectFilter.optional(),
  path: pathFilter.optional(),
  request_id: idFilter('request', 'req_').optional(),
  event_data_id: textFilter.optional(),
  issue_id: futureFilter('issue_id'),
  bulk_retry_id: futureFilter('bulk_retry_id'),
  cli_user_id: futureFilter('cli_user_id'),
  include: z.literal('data').optional(),
  progressive: flag.optional(),
  ...pagingOf({ orders: ORDERS, cursor: eventId }),
});
type EventQuery = z.output<typeof eventQuery>;

/** A page of events, of one request or of all. */
export async function eventPage(
  deps: ApiDeps,
  { projectId, query, requestId }: { projectId: string; query: EventQuery; requestId?: string },
) {
  const { db } = deps;
  const asked = pageAsked(query, 'created_at');
  const sourceIds = query.source_id?.in;
  const connectionIds = sourceIds ? await listConnectionIds(db, { projectId, sourceIds }) : null;
  const filters = filtersOf(query, requestId);
  const empty = { rows: [], next: null, prev: null };
  const found = asksForNothing(query)
    ? empty
    : await listEvents(db, { projectId, filters, connectionIds, page: asked });
  if (!query.include) {
    const models = found.rows.map((row) => renderEvent(row, deps));
    return envelope(found, { asked, models, notes: notesOnFilters(query) });
  }
  const bytesOf = await sizesOf(deps, found.rows);
  const page = fitting(found, { bytesOf, backwards: isBackwards(asked) });
  const models = await deps.payloads.inTurn(async () => {
    const made: Event[] = [];
    for (const events of batchesOf(page.rows, bytesOf)) {
      const data = await readEventData(deps, { projectId, events });
      for (const row of events) {
        const own = data.get(row.id);
        made.push({ ...renderEvent(row, deps), ...(own && { data: own }) });
      }
    }
    return made;
  });
  return envelope(page, { asked, models, notes: notesOnFilters(query) });
}

/** How large the bodies of events are: what a transformation made, or else what came in. */
async function sizesOf({ db }: ApiDeps, rows: EventRow[]): Promise<(row: EventRow) => number> {
  const own = rows.filter((row) => row.has_payload).map((row) => row.id);
  const requests = rows.filter((row) => !row.has_payload).map((row) => row.request_id);
  const [made, received] = await Promise.all([
    readEventPayloadSizes(db, own),
    readRequestSizes(db, [...new Set(requests)]),
  ]);
  return (row) => made.get(row.id) ?? received.get(row.request_id) ?? 0;
}

function filtersOf(query: EventQuery, requestId: string | undefined): EventFilters {
  const named = [
    requestId === undefined ? undefined : [requestId],
    query.request_id?.in,
    query.event_data_id?.in?.map((id) => id.replace(/^edt_/, 'req_')),
  ].filter((list) => list !== undefined);
  const [first, ...others] = named;
  const requestIds = first?.filter((id) => others.every((list) => list.includes(id)));
  return {
    ...query,
    request_id: requestIds,
    delivery_group: groupsNamed(query.delivery_group),
    lane_key: lanesNamed(query.lane_key),
  };
}

function lanesNamed(filter: Filter<string> | undefined): Filter<string> | undefined {
  return filter?.in ? { ...filter, in: filter.in.map(shortLaneKey) } : filter;
}

/** `7` names the group of the number and that of the text, `"7"` the group of the text alone. */
function groupsNamed(filter: Filter<string> | undefined): Filter<string> | undefined {
  return filter?.in
    ? { ...filter, in: filter.in.flatMap((name) => [name, groupName(name)]) }
    : filter;
}
