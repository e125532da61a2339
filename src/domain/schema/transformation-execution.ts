import { z } from 'zod';
import { connectionId, eventDataId, idOf, projectId, requestId, transformationId } from './id.ts';
import { time } from './text.ts';

export const executionId = idOf('reqt_');

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
/** The highest level at which the code spoke; `fatal` where it failed. */
export const logLevel = z.enum(LOG_LEVELS);

/** How a run can end. */
export const EXECUTION_OUTCOMES = [
  'ok',
  'drop',
  'user_error',
  'result_error',
  'timeout',
  'async_hang',
  'memory',
  'killed',
  'too_large',
  'rejected_source',
] as const;

export const consoleLine = z.strictObject({
  type: z.enum(['debug', 'log', 'info', 'warn', 'error']).describe('The method of console.'),
  message: z.string().describe('What was logged.'),
});

const shownRequest = z.strictObject({
  path: z.string(),
  query: z.string().nullable(),
  parsed_query: z.record(z.string(), z.unknown()).nullable(),
  headers: z.record(z.string(), z.string()).nullable(),
  body: z.unknown().describe('The body: JSON as a value, anything else as text.'),
});
export type ShownRequest = z.infer<typeof shownRequest>;

/** One run of a transformation. What went in and out is shown of a single one, not in lists. */
export const transformationExecution = z
  .strictObject({
    id: executionId,
    team_id: projectId,
    transformation_id: transformationId,
    version: z.int().describe('The version that ran.'),
    webhook_id: connectionId,
    request_id: requestId,
    original_event_data_id: eventDataId,
    transformed_event_data_id: eventDataId.nullable().describe('Always null.'),
    outcome: z.enum(EXECUTION_OUTCOMES).describe('How the run ended.'),
    log_level: logLevel,
    logs: z.array(consoleLine).describe('What the code logged.'),
    message: z.string().nullable().describe('Why it failed; null where it did not.'),
    line: z.int().nullable(),
    column: z.int().nullable(),
    duration_ms: z.number(),
    issue_id: z.null(),
    original_event_data: shownRequest.nullable().optional().describe('The request that went in.'),
    transformed_event_data: shownRequest
      .nullable()
      .optional()
      .describe('The request that came out.'),
    transformed_parts: z
      .array(shownRequest)
      .optional()
      .describe('All requests that came out, where the code returned several.'),
    updated_at: time,
    created_at: time,
  })
  .meta({ id: 'TransformationExecution', description: 'One run of a transformation.' });
export type TransformationExecution = z.infer<typeof transformationExecution>;
