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
    url: z.string().describe('The URL that is called.'),
    method: z.string().describe('The method.'),
    appended_headers: z
      .array(z.string())
      .describe(
        'The names of the headers that Sluice adds. `headers` leaves out those that differ in each attempt: its count and trigger, the time and the signatures.',
      ),
  })
  .meta({
    id: 'EventData',
    description:
      'A request as its destination gets it, without the headers that differ in each attempt.',
  });
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
        'The group its destination limits it in, by the value at the key of the groups: a text as it is, or in quotes where it would read as another JSON value; any other value as JSON; empty where the request has none. Null without groups.',
      ),
    lane_key: z
      .string()
      .nullable()
      .describe('The key that orders it; empty where the request has none, null without ordering.'),
    event_data_id: eventDataId,
    request_id: requestId,
    attempts: z.int().describe('How many attempts were made.'),
    last_attempt_at: time.nullable().describe('When it was last attempted.'),
    next_attempt_at: time
      .nullable()
      .describe(
        'When it is attempted next; null if it is not, also once its connection or destination was deleted.',
      ),
    response_status: z.int().nullable(),
    error_code: z.string().nullable(),
    status: z.enum(EventStatus).describe('Where it stands.'),
    retry_state: z
      .enum(RetryState)
      .nullable()
      .describe(
        'Whether a FAILED event is tried again. PENDING: a retry follows at next_attempt_at. BLOCKED: it follows only if its destination and connection are enabled by then. ENDED: no automatic retry follows. Null for every other status.',
      ),
    successful_at: time.nullable(),
    cli_id: z.string().nullable(),
    workflow_id: z.string(),
    workflow_url: z.string().nullable(),
    updated_at: time,
    created_at: time,
    data: eventData
      .optional()
      .describe('The request as it leaves. Of the headers, those that all attempts share.'),
  })
  .meta({ id: 'Event', description: 'One request for one connection.' });
export type Event = z.infer<typeof event>;

export const requestRetried = z
  .strictObject({
    request: request.describe('The request.'),
    events: z.array(event).describe('The events it became.'),
  })
  .meta({ id: 'RequestRetried', description: 'What a retry made.' });
