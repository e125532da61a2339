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
      .describe(`The values read ${HIDDEN_VALUE} but for \`?include=env\``),
    isolation,
    version: z.int(),
    updated_at: time,
    created_at: time,
  })
  .meta({ id: 'Transformation' });
export type Transformation = z.infer<typeof transformation>;

/** A new transformation, or one to make or change by its name. */
export const transformationInput = z
  .strictObject({
    name,
    code: transformationCode,
    env: environment.nullable().optional(),
    isolation: isolation.optional(),
  })
  .meta({ id: 'TransformationInput' });
export type TransformationInput = z.infer<typeof transformationInput>;

export const transformationUpdate = transformationInput
  .partial()
  .meta({ id: 'TransformationUpdate' });
export type TransformationUpdate = z.infer<typeof transformationUpdate>;

/** What a transformation was between two changes of its code, its environment or its isolation. */
export const transformationVersion = z
  .strictObject({
    transformation_id: transformationId,
    version: z.int(),
    code: z.string(),
    env: z.record(z.string(), z.string()),
    isolation,
    created_by: z.string().describe('The id of the API key that made it'),
    created_at: time,
  })
  .meta({ id: 'TransformationVersion' });

export const transformationRollback = z
  .strictObject({ version: z.int().min(1, 'must be 1 or more') })
  .meta({ id: 'TransformationRollback' });

const testRequest = z.strictObject({
  headers: z.record(z.string(), z.string()),
  body: z.unknown().optional(),
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
    webhook_id: connectionId.nullable().optional(),
    request: testRequest.nullable().optional(),
    request_id: requestId.nullable().optional(),
    event_id: eventId.nullable().optional(),
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
  .meta({ id: 'TransformationRun' });
export type TransformationRun = z.infer<typeof transformationRun>;

const returnedRequest = z.strictObject({
  headers: z.record(z.string(), z.string()),
  path: z.string(),
  query: z.string(),
  parsed_query: z.record(z.string(), z.unknown()),
  body: z.unknown(),
});

/** What a test run came to. */
export const transformationRunResult = z
  .strictObject({
    request_id: requestId.nullable(),
    transformation_id: transformationId.nullable(),
    execution_id: z.null().describe('Test runs are not kept'),
    outcome: z.string(),
    log_level: logLevel,
    request: returnedRequest.nullable(),
    requests: z.array(returnedRequest).describe('All that were returned, where it was an array'),
    console: z.array(consoleLine),
    message: z.string().nullable(),
    line: z.int().nullable(),
    column: z.int().nullable(),
    duration_ms: z.number(),
    transformation_run_time: z.strictObject({ start: time, end: time }),
  })
  .meta({ id: 'TransformationRunResult' });
export type TransformationRunResult = z.infer<typeof transformationRunResult>;

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
