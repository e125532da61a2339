import type { z } from 'zod';
import type { IgnoredEvent } from '../../domain/schema/ignored-event.ts';
import type { PayloadData, rawBody, Request } from '../../domain/schema/request.ts';
import { EXAMPLE_ID, EXAMPLE_TIME } from './ids.ts';

export const examplePayload: PayloadData = {
  path: '/orders',
  query: '',
  parsed_query: {},
  headers: { 'content-type': 'application/json' },
  body: { type: 'invoice.paid', amount: 1200 },
  body_encoding: 'utf8',
  is_large_payload: false,
};

export const exampleRequest: Request = {
  id: EXAMPLE_ID.request,
  team_id: EXAMPLE_ID.project,
  source_id: EXAMPLE_ID.source,
  verified: true,
  original_event_data_id: EXAMPLE_ID.eventData,
  rejection_cause: null,
  rejection_detail: null,
  kind: 'event',
  ingested_at: EXAMPLE_TIME,
  events_count: 1,
  cli_events_count: 0,
  ignored_count: 0,
  updated_at: EXAMPLE_TIME,
  created_at: EXAMPLE_TIME,
};

export const exampleRawBody: z.input<typeof rawBody> = {
  body: '{"type":"invoice.paid","amount":1200}',
  body_encoding: 'utf8',
};

export const exampleIgnoredEvent: IgnoredEvent = {
  id: `${EXAMPLE_ID.request}:${EXAMPLE_ID.connection}`,
  team_id: EXAMPLE_ID.project,
  webhook_id: EXAMPLE_ID.connection,
  request_id: EXAMPLE_ID.request,
  cause: 'FILTERED',
  meta: ['body'],
  mismatches: [
    {
      path: 'body.type',
      expected: { $in: ['invoice.paid', 'invoice.payment_failed'] },
      actual: 'invoice.created',
    },
  ],
  created_at: EXAMPLE_TIME,
};
