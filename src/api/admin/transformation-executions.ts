import { z } from 'zod';
import { findExecution, listExecutions } from '../../db/execution-reads.ts';
import { readRequests } from '../../db/request-reads.ts';
import { findTransformation } from '../../db/transformations.ts';
import { LARGE_PAYLOAD_BYTES } from '../../domain/schema/request.ts';
import { listOf } from '../../domain/schema/list.ts';
import {
  EXECUTION_OUTCOMES,
  executionId,
  LOG_LEVELS,
  transformationExecution,
  type TransformationExecution,
} from '../../domain/schema/transformation-execution.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { examplePage } from '../examples/list.ts';
import { exampleExecution, exampleWholeExecution } from '../examples/transformation.ts';
import { choiceFilter, idFilter, timeFilter } from '../filters.ts';
import { asksForNothing, futureFilter, notesOnFilters } from '../future-filters.ts';
import { gently } from '../gently.ts';
import { written } from '../json-text.ts';
import { envelope, pageAsked, pagingOf } from '../paging.ts';
import { type Route, route } from '../route.ts';
import { present } from './named-content.ts';
import { viewExecution } from './transformation-views.ts';

const TAG = 'transformations';

const executionQuery = z.strictObject({
  id: idFilter('transformationExecution', 'reqt_').optional(),
  log_level: choiceFilter(LOG_LEVELS).optional(),
  outcome: choiceFilter(EXECUTION_OUTCOMES).optional(),
  webhook_id: idFilter('connection', 'web_').optional(),
  request_id: idFilter('request', 'req_').optional(),
  issue_id: futureFilter('issue_id'),
  created_at: timeFilter.optional(),
  ...pagingOf({ orders: ['created_at'], cursor: executionId }),
});

/** `/transformations/:id/executions` */
export function transformationExecutionRoutes(deps: ApiDeps): Route[] {
  return [listRoute(deps), showRoute(deps)];
}

function listRoute({ db }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/transformations/:id/executions',
    summary: 'List the executions of a transformation',
    description:
      'Lists the runs of a transformation with their console output, in the order of their requests, the newest first.',
    tag: TAG,
    id: 'transformation',
    query: executionQuery,
    response: listOf(transformationExecution),
    example: { answer: examplePage(exampleExecution) },
    async handle({ projectId, id, query }) {
      present(await findTransformation(db, { projectId, id }), id);
      const asked = pageAsked(query, 'created_at');
      const wanted = { projectId, transformationId: id, filters: filtersOf(query), page: asked };
      const page = asksForNothing(query)
        ? { rows: [], next: null, prev: null }
        : await listExecutions(db, wanted);
      const models = await gently(page.rows, viewExecution);
      return envelope(page, { asked, models, notes: notesOnFilters(query) });
    },
  });
}

/** A run that failed is an error, too, whatever its code had logged before: `error` finds those that are `fatal`. */
function filtersOf(query: z.output<typeof executionQuery>) {
  const { log_level: level } = query;
  if (!level?.in?.includes('error')) return query;
  return { ...query, log_level: { ...level, in: [...level.in, 'fatal'] } };
}

function showRoute({ db, payloads }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/transformations/:id/executions/:execution_id',
    summary: 'Retrieve an execution of a transformation',
    description: 'Returns a run with the request that went in and the one that came out.',
    tag: TAG,
    id: 'transformation',
    response: transformationExecution,
    example: { answer: exampleWholeExecution },
    async handle({ projectId, id, params }) {
      const wanted = params['execution_id'] ?? '';
      present(await findTransformation(db, { projectId, id }), id);
      const row = executionId.safeParse(wanted).success
        ? await findExecution(db, { projectId, transformationId: id, id: wanted })
        : null;
      if (!row) throw notFound(wanted.toWellFormed().replaceAll('\0', ''));
      const isRequest = row.input === null;
      const ids = isRequest ? [row.request_id] : [];
      const read = await readRequests(db, { ids, maxBodyBytes: LARGE_PAYLOAD_BYTES });
      const original = read.get(row.request_id) ?? null;
      return written<TransformationExecution>(
        await payloads.write({ kind: 'execution', row, original }),
      );
    },
  });
}
