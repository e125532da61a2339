import { z } from 'zod';
import { findAttempt, listAttempts } from '../../db/attempt-reads.ts';
import { AttemptErrorCode } from '../../domain/outcome.ts';
import { attempt, attemptStatus } from '../../domain/schema/attempt.ts';
import { attemptId } from '../../domain/schema/id.ts';
import { listOf } from '../../domain/schema/list.ts';
import { AttemptTrigger } from '../../domain/status.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { exampleAttempt } from '../examples/event.ts';
import { examplePage } from '../examples/list.ts';
import { choiceFilter, idFilter, numberFilter, timeFilter } from '../filters.ts';
import { gently } from '../gently.ts';
import { envelope, pageAsked, pagingOf } from '../paging.ts';
import { renderAttempt } from '../render.ts';
import { type Route, route } from '../route.ts';

const TAG = 'attempts';

const attemptQuery = z.strictObject({
  id: idFilter('attempt', 'atm_').optional(),
  event_id: idFilter('event', 'evt_').optional(),
  webhook_id: idFilter('connection', 'web_').optional(),
  destination_id: idFilter('destination', 'des_').optional(),
  status: choiceFilter(attemptStatus.options).optional(),
  trigger: choiceFilter(Object.values(AttemptTrigger)).optional(),
  error_code: choiceFilter(Object.values(AttemptErrorCode)).optional(),
  response_status: numberFilter.optional(),
  created_at: timeFilter.optional(),
  ...pagingOf({ orders: ['created_at'], cursor: attemptId }),
});

/** `/attempts` */
export function attemptRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/attempts',
      summary: 'List attempts',
      description: 'Lists attempts, the newest first. `event_id` lists those of one event.',
      tag: TAG,
      query: attemptQuery,
      response: listOf(attempt),
      example: { answer: examplePage(exampleAttempt) },
      async handle({ projectId, query }) {
        const asked = pageAsked(query, 'created_at');
        const filters = { ...query, event_id: query.event_id?.in };
        const page = await listAttempts(deps.db, { projectId, filters, page: asked });
        const models = await gently(page.rows, (row) => renderAttempt(row, deps));
        return envelope(page, { asked, models });
      },
    }),
    route({
      method: 'get',
      path: '/attempts/:id',
      summary: 'Retrieve an attempt',
      description: 'Returns an attempt with the status, headers and body of the response.',
      tag: TAG,
      id: 'attempt',
      response: attempt,
      example: { answer: exampleAttempt },
      async handle({ projectId, id }) {
        const row = await findAttempt(deps.db, { projectId, id });
        if (!row) throw notFound(id);
        return renderAttempt(row, deps);
      },
    }),
  ];
}
