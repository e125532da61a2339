import { z } from 'zod';
import { EventStatus, RetryState } from '../status.ts';
import {
  connectionId,
  destinationId,
  eventDataId,
  eventId,
  projectId,
  requestId,
  sourceId,
} from './id.ts';
import { payloadData, request } from './request.ts';
import { time } from './text.ts';

/** The request as it leaves for the destination. */
export const eventData = payloadData
  .extend({
    url: z.string(),
    method: z.string(),
    appended_headers: z.array(z.string()),
  })
  .meta({ id: 'EventData' });
export type EventData = z.infer<typeof eventData>;

export const event = z
  .strictObject({
    id: eventId,
    team_id: projectId,
    webhook_id: connectionId,
    source_id: sourceId,
    destination_id: destinationId,
    delivery_group: z
      .string()
      .nullable()
      .describe(
        'The group its destination paces it in: a text as it is, or in quotes where it would read as another JSON value; any other value as JSON; empty where the key is missing',
      ),
    /** The lane it goes in where its connection keeps an order; '' where the key is missing. */
    lane_key: z.string().nullable(),
    event_data_id: eventDataId,
    request_id: requestId,
    attempts: z.int(),
    last_attempt_at: time.nullable(),
    next_attempt_at: time.nullable(),
    response_status: z.int().nullable(),
    error_code: z.string().nullable(),
    status: z.enum(EventStatus),
    retry_state: z
      .enum(RetryState)
      .nullable()
      .describe(
        'Of a FAILED event. PENDING: it is retried at next_attempt_at. BLOCKED: it is retried only if its destination and connection are enabled by then. ENDED: no automatic retry follows. Null for every other status.',
      ),
    successful_at: time.nullable(),
    cli_id: z.string().nullable(),
    workflow_id: z.string(),
    workflow_url: z.string().nullable(),
    updated_at: time,
    created_at: time,
    data: eventData.optional(),
  })
  .meta({ id: 'Event' });
export type Event = z.infer<typeof event>;

export const requestRetried = z
  .strictObject({ request, events: z.array(event) })
  .meta({ id: 'RequestRetried' });
