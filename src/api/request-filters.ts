import { z } from 'zod';
import { isBackwards } from '../db/query.ts';
import {
  listRequests,
  readRequests,
  readRequestSizes,
  type RequestDataRow,
  type RequestRow,
} from '../db/request-reads.ts';
import { requestId } from '../domain/schema/id.ts';
import { LARGE_PAYLOAD_BYTES, type PayloadData, type Request } from '../domain/schema/request.ts';
import { IgnoredCause, RejectionCause } from '../domain/status.ts';
import type { ApiDeps } from './deps.ts';
import { pathFilter, searchFilter } from './event-filters.ts';
import {
  choiceFilter,
  flag,
  idFilter,
  jsonFilter,
  jsonObjectFilter,
  numberFilter,
  timeFilter,
} from './filters.ts';
import { asksForNothing, futureFilter, notesOnFilters } from './future-filters.ts';
import { written } from './json-text.ts';
import { batchesOf, fitting } from './page-of-payloads.ts';
import { envelope, pageAsked, pagingOf } from './paging.ts';
import { renderRequest } from './render.ts';

const statuses = ['accepted', 'rejected'] as const;

/** Every parameter of a list of requests. */
export const requestQuery = z.strictObject({
  id: idFilter('request', 'req_').optional(),
  status: choiceFilter(statuses).optional(),
  rejection_cause: choiceFilter(Object.values(RejectionCause)).optional(),
  source_id: idFilter('source', 'src_').optional(),
  verified: flag.optional(),
  search_term: searchFilter.optional(),
  headers: jsonObjectFilter.optional(),
  body: jsonFilter.optional(),
  parsed_query: jsonObjectFilter.optional(),
  path: pathFilter.optional(),
  ignored_cause: choiceFilter(Object.values(IgnoredCause)).optional(),
  webhook_id: idFilter('connection', 'web_')
    .describe('Only those that this connection ignored, for the `ignored_cause` if one is given.')
    .optional(),
  ignored_count: numberFilter.optional(),
  events_count: numberFilter.optional(),
  cli_events_count: numberFilter.optional(),
  created_at: timeFilter.optional(),
  ingested_at: timeFilter.optional(),
  bulk_retry_id: futureFilter('bulk_retry_id'),
  include: z.literal('data').optional(),
  progressive: flag.optional(),
  ...pagingOf({ orders: ['created_at', 'ingested_at'], cursor: requestId }),
});

/** A page of requests. */
export async function requestPage(
  deps: ApiDeps,
  { projectId, query }: { projectId: string; query: z.output<typeof requestQuery> },
) {
  const { db } = deps;
  const asked = pageAsked(query, 'created_at');
  const wanted = [...new Set(query.status?.in)];
  const filters = { ...query, status: wanted.length === 1 ? wanted[0] : undefined };
  const found = asksForNothing(query)
    ? { rows: [], next: null, prev: null }
    : await listRequests(db, { projectId, filters, page: asked });
  const notes = notesOnFilters(query);
  if (!query.include) {
    return envelope(found, { asked, models: found.rows.map(renderRequest), notes });
  }

  const sizes = await readRequestSizes(
    db,
    found.rows.map((row) => row.id),
  );
  const page = fitting(found, {
    bytesOf: (row) => sizes.get(row.id) ?? 0,
    backwards: isBackwards(asked),
  });
  const models = await deps.payloads.inTurn(() => withPayloads(deps, { rows: page.rows, sizes }));
  return envelope(page, { asked, models, notes });
}

async function withPayloads(
  deps: ApiDeps,
  { rows, sizes }: { rows: RequestRow[]; sizes: Map<string, number> },
): Promise<Request[]> {
  const models: Request[] = [];
  for (const some of batchesOf(rows, (row) => sizes.get(row.id) ?? 0)) {
    const ids = some.map((row) => row.id);
    const data = await readRequests(deps.db, { ids, maxBodyBytes: LARGE_PAYLOAD_BYTES });
    for (const row of some) models.push(await withData(deps, row, data.get(row.id)));
  }
  return models;
}

/** A request with what came in. */
export async function showRequest(deps: ApiDeps, row: RequestRow): Promise<Request> {
  const data = await readRequests(deps.db, { ids: [row.id], maxBodyBytes: LARGE_PAYLOAD_BYTES });
  return withData(deps, row, data.get(row.id));
}

async function withData(
  { payloads }: ApiDeps,
  row: RequestRow,
  payload: RequestDataRow | undefined,
): Promise<Request> {
  if (!payload) return renderRequest(row);
  const text = await payloads.write({ kind: 'request', payload });
  return { ...renderRequest(row), data: written<PayloadData>(text) };
}
