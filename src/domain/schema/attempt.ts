import { z } from 'zod';
import { AttemptStatus, AttemptTrigger } from '../status.ts';
import { attemptId, destinationId, eventId, projectId } from './id.ts';
import { bodyEncoding } from './request.ts';
import { time } from './text.ts';

/** `QUEUED` while it is under way. */
export const attemptStatus = z.enum([
  AttemptStatus.Successful,
  AttemptStatus.Failed,
  'QUEUED',
] as const);

/** One try to deliver an event, and what came of it. */
export const attempt = z
  .strictObject({
    id: attemptId,
    team_id: projectId,
    event_id: eventId,
    destination_id: destinationId,
    response_status: z.int().nullable(),
    attempt_number: z.int().describe('1 for the first attempt of an event.'),
    trigger: z
      .enum(AttemptTrigger)
      .describe('What started it. Sluice never sets BULK_RETRY yet: there are no bulk retries.'),
    error_code: z.string().nullable(),
    message: z
      .string()
      .nullable()
      .describe('What went wrong, or what else is worth knowing, in words.'),
    body: z
      .unknown()
      .describe('The body of the response: JSON as a value, other text as a string.'),
    body_encoding: bodyEncoding,
    body_truncated: z.boolean().describe('Whether only part of the response body was kept.'),
    response_headers: z
      .record(z.string(), z.string())
      .nullable()
      .describe('The headers of the response.'),
    requested_url: z.string().nullable().describe('The URL that was called.'),
    http_method: z.string().nullable().describe('The method that was used.'),
    bulk_retry_id: z.string().nullable(),
    status: attemptStatus.describe('How it ended; QUEUED while it is under way.'),
    workflow_id: z.string(),
    workflow_url: z.string().nullable(),
    successful_at: time.nullable(),
    delivered_at: time.nullable().describe('When the request was sent.'),
    responded_at: time.nullable().describe('When the response was complete.'),
    delivery_latency: z
      .int()
      .nullable()
      .describe('Milliseconds from the start of the attempt until the request was sent.'),
    response_latency: z.int().nullable().describe('Milliseconds until the response.'),
    updated_at: time,
    created_at: time,
  })
  .meta({ id: 'EventAttempt', description: 'One try to deliver an event.' });
export type Attempt = z.infer<typeof attempt>;
