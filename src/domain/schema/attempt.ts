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
    attempt_number: z.int(),
    trigger: z.enum(AttemptTrigger),
    error_code: z.string().nullable(),
    message: z
      .string()
      .nullable()
      .describe('What went wrong, or what else is to be said of it, in words'),
    body: z.unknown().describe('The answer: parsed where it is JSON'),
    body_encoding: bodyEncoding,
    body_truncated: z.boolean(),
    response_headers: z.record(z.string(), z.string()).nullable(),
    requested_url: z.string().nullable(),
    http_method: z.string().nullable(),
    bulk_retry_id: z.string().nullable(),
    status: attemptStatus,
    workflow_id: z.string(),
    workflow_url: z.string().nullable(),
    successful_at: time.nullable(),
    delivered_at: time.nullable(),
    responded_at: time.nullable(),
    delivery_latency: z.int().nullable().describe('Milliseconds'),
    response_latency: z.int().nullable().describe('Milliseconds'),
    updated_at: time,
    created_at: time,
  })
  .meta({ id: 'EventAttempt' });
export type Attempt = z.infer<typeof attempt>;
