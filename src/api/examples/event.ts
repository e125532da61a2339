import type { Attempt } from '../../domain/schema/attempt.ts';
import type { Event } from '../../domain/schema/event.ts';
import { EXAMPLE_ID, EXAMPLE_TIME } from './ids.ts';
import { examplePayload } from './request.ts';

const workflow = {
  workflow_id: 'requests/dsp_01m1edebf81cb763yv46',
  workflow_url:
    'http://127.0.0.1:8233/namespaces/default/workflows/requests%2Fdsp_01m1edebf81cb763yv46',
};

export const exampleEvent: Event = {
  id: EXAMPLE_ID.event,
  team_id: EXAMPLE_ID.project,
  webhook_id: EXAMPLE_ID.connection,
  source_id: EXAMPLE_ID.source,
  destination_id: EXAMPLE_ID.destination,
  delivery_group: null,
  lane_key: null,
  event_data_id: EXAMPLE_ID.eventData,
  request_id: EXAMPLE_ID.request,
  attempts: 1,
  last_attempt_at: EXAMPLE_TIME,
  next_attempt_at: null,
  response_status: 200,
  error_code: null,
  status: 'SUCCESSFUL',
  retry_state: null,
  successful_at: EXAMPLE_TIME,
  cli_id: null,
  ...workflow,
  updated_at: EXAMPLE_TIME,
  created_at: EXAMPLE_TIME,
};

export const exampleWholeEvent: Event = {
  ...exampleEvent,
  data: {
    ...examplePayload,
    url: 'https://billing.example.com/hooks/orders',
    method: 'POST',
    appended_headers: [
      'accept',
      'accept-encoding',
      'idempotency-key',
      'x-sluice-signature',
      'x-sluice-eventid',
      'x-sluice-requestid',
      'x-sluice-verified',
      'x-sluice-source-name',
      'x-sluice-event-url',
      'x-sluice-attempt-count',
      'x-sluice-attempt-trigger',
      'webhook-id',
      'webhook-timestamp',
      'webhook-signature',
    ],
  },
};

export const exampleAttempt: Attempt = {
  id: EXAMPLE_ID.attempt,
  team_id: EXAMPLE_ID.project,
  event_id: EXAMPLE_ID.event,
  destination_id: EXAMPLE_ID.destination,
  response_status: 200,
  attempt_number: 1,
  trigger: 'INITIAL',
  error_code: null,
  message: null,
  body: { received: true },
  body_encoding: 'utf8',
  body_truncated: false,
  response_headers: { 'content-type': 'application/json' },
  requested_url: 'https://billing.example.com/hooks/orders',
  http_method: 'POST',
  bulk_retry_id: null,
  status: 'SUCCESSFUL',
  ...workflow,
  successful_at: EXAMPLE_TIME,
  delivered_at: EXAMPLE_TIME,
  responded_at: EXAMPLE_TIME,
  delivery_latency: 12,
  response_latency: 48,
  updated_at: EXAMPLE_TIME,
  created_at: EXAMPLE_TIME,
};
