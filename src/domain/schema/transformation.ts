import { z } from 'zod';
import { connectionId, eventId, projectId, requestId, transformationId } from './id.ts';
import { name, time } from './text.ts';
import { consoleLine, logLevel } from './transformation-execution.ts';

const MAX_CODE_BYTES = 256 * 1024;
const MAX_ENV_NAMES = 100;
const MAX_ENV_BYTES = 64 * 1024;

/** Stands for a value that is kept and not shown; sent back, it means: leave that value as it is. */
export const HIDDEN_VALUE = '********';

export const transformationCode = z
  .string()
  .min(1, 'must not be empty')
  .refine((code) => bytesOf(code) <= MAX_CODE_BYTES, 'must be at most 256 kB');

/** What the code reads as `process.env`. */
export const environment = z
  .record(
    z.string().min(1, 'must not be empty').max(255, 'must be at most 255 characters long'),
    z.string().max(10_000, 'must be at most 10000 characters long'),
  )
  .refine(
    (env) => Object.keys(env).length <= MAX_ENV_NAMES,
    `must hold at most ${MAX_ENV_NAMES} names`,
  )
  .refine((env) => bytesOf(JSON.stringify(env)) <= MAX_ENV_BYTES, 'must be at most 64 kB together');
export type Environment = z.infer<typeof environment>;

/** How apart two runs are kept: `strict` gives every event a new isolate, `fast` keeps one for each version. */
export const isolation = z.enum(['strict', 'fast']);
export type Isolation = z.infer<typeof isolation>;

export const transformation = z
  .strictObject({
    id: transformationId,
    team_id: projectId,
    name,
    code: z.string(),
    env: z
      .record(z.string(), z.string())
      .describe(
        `The environment variables of the code. Values read ${HIDDEN_VALUE} unless you ask for \`?include=env\`.`,
      ),
    isolation,
    version: z.int().describe('The number of its current version.'),
    updated_at: time,
    created_at: time,
  })
  .meta({ id: 'Transformation', description: 'JavaScript that changes requests.' });
export type Transformation = z.infer<typeof transformation>;

/** A new transformation, or one to make or change by its name. */
export const transformationInput = z
  .strictObject({
    name,
    code: transformationCode,
    env: environment.nullable().optional(),
    isolation: isolation.optional(),
  })
  .meta({ id: 'TransformationInput', description: 'A new transformation.' });
export type TransformationInput = z.infer<typeof transformationInput>;

export const transformationUpdate = transformationInput
  .partial()
  .meta({ id: 'TransformationUpdate', description: 'Changes to a transformation.' });
export type TransformationUpdate = z.infer<typeof transformationUpdate>;

/** What a transformation was between two changes of its code, its environment or its isolation. */
export const transformationVersion = z
  .strictObject({
    transformation_id: transformationId,
    version: z.int().describe('Its number: 1, 2, 3 …'),
    code: z.string(),
    env: z.record(z.string(), z.string()),
    isolation,
    created_by: z.string().describe('The id of the API key that created it.'),
    created_at: time,
  })
  .meta({ id: 'TransformationVersion', description: 'What a transformation was at a time.' });

export const transformationRollback = z
  .strictObject({
    version: z.int().min(1, 'must be 1 or more').describe('The number of the version.'),
  })
  .meta({ id: 'TransformationRollback', description: 'Which version to go back to.' });

const testRequest = z.strictObject({
  headers: z.record(z.string(), z.string()),
  body: z.unknown().optional().describe('The body: any JSON value, or text.'),
  path: z.string().max(8192, 'must be at most 8192 characters long').nullable().optional(),
  query: z.string().max(8192, 'must be at most 8192 characters long').nullable().optional(),
  parsed_query: z
    .record(z.string(), z.union([z.string(), z.array(z.string())]))
    .nullable()
    .optional(),
});
export type TestRequest = z.infer<typeof testRequest>;

const INPUTS = ['request', 'request_id', 'event_id'] as const;

/** A test run: which code, on which request. */
export const transformationRun = z
  .strictObject({
    code: transformationCode.nullable().optional(),
    transformation_id: transformationId.nullable().optional(),
    env: environment.nullable().optional(),
    webhook_id: connectionId
      .nullable()
      .optional()
      .describe('The connection that the code is told of.'),
    request: testRequest
      .nullable()
      .optional()
      .describe('A request to run on, or name one in request_id or event_id.'),
    request_id: requestId.nullable().optional().describe('A stored request to run on.'),
    event_id: eventId.nullable().optional().describe('An event whose request to run on.'),
  })
  .superRefine((run, context) => {
    if (!run.code && !run.transformation_id) {
      const message = 'is required, or transformation_id instead of it';
      context.addIssue({ code: 'custom', path: ['code'], message });
    }
    const [first, second] = INPUTS.filter((field) => run[field]);
    if (!first) {
      const message = 'is required, or request_id or event_id instead of it';
      context.addIssue({ code: 'custom', path: ['request'], message });
    }
    if (second) {
      const message = `cannot stand beside ${first}`;
      context.addIssue({ code: 'custom', path: [second], message });
    }
  })
  .meta({ id: 'TransformationRun', description: 'Which code to run, on which request.' });
export type TransformationRun = z.infer<typeof transformationRun>;

const returnedRequest = z.strictObject({
  headers: z.record(z.string(), z.string()),
  path: z.string(),
  query: z.string(),
  parsed_query: z.record(z.string(), z.unknown()),
  body: z.unknown().describe('The body: JSON as a value, anything else as text.'),
});

/** What a test run came to. */
export const transformationRunResult = z
  .strictObject({
    request_id: requestId.nullable(),
    transformation_id: transformationId.nullable(),
    execution_id: z.null().describe('Always null: tests are not kept.'),
    outcome: z.string().describe('How the run ended; ok where it succeeded.'),
    log_level: logLevel,
    request: returnedRequest.nullable().describe('The request that the code returned.'),
    requests: z.array(returnedRequest).describe('All requests, where it returned several.'),
    console: z.array(consoleLine).describe('What the code logged.'),
    message: z.string().nullable().describe('Why it failed; null where it did not.'),
    line: z.int().nullable(),
    column: z.int().nullable(),
    duration_ms: z.number(),
    transformation_run_time: z
      .strictObject({
        start: time.describe('When the run began.'),
        end: time.describe('When it ended.'),
      })
      .describe('When the run took place.'),
  })
  .meta({ id: 'TransformationRunResult', description: 'What a test came to.' });
export type TransformationRunResult = z.infer<typeof transformationRunResult>;

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
