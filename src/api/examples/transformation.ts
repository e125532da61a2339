import type { z } from 'zod';
import {
  HIDDEN_VALUE,
  type Transformation,
  type transformationInput,
  type transformationRun,
  type TransformationRunResult,
  type transformationVersion,
} from '../../domain/schema/transformation.ts';
import type { TransformationExecution } from '../../domain/schema/transformation-execution.ts';
import { EXAMPLE_ID, EXAMPLE_TIME } from './ids.ts';

const code =
  'const { env } = process;\naddHandler("transform", (request) => {\n  request.headers["x-region"] = env.REGION;\n  return request;\n});';

export const exampleTransformationInput: z.input<typeof transformationInput> = {
  name: 'add-region',
  code,
  env: { REGION: 'eu' },
};

export const exampleTransformation: Transformation = {
  id: EXAMPLE_ID.transformation,
  team_id: EXAMPLE_ID.project,
  name: 'add-region',
  code,
  env: { REGION: HIDDEN_VALUE },
  isolation: 'strict',
  version: 1,
  updated_at: EXAMPLE_TIME,
  created_at: EXAMPLE_TIME,
};

export const exampleVersion: z.input<typeof transformationVersion> = {
  transformation_id: EXAMPLE_ID.transformation,
  version: 1,
  code,
  env: { REGION: HIDDEN_VALUE },
  isolation: 'strict',
  created_by: EXAMPLE_ID.apiKey,
  created_at: EXAMPLE_TIME,
};

export const exampleRun: z.input<typeof transformationRun> = {
  code,
  env: { REGION: 'eu' },
  request: {
    headers: { 'content-type': 'application/json' },
    body: { order: 2 },
    path: '/orders',
    query: '',
  },
};

const given = {
  headers: { 'content-type': 'application/json' },
  path: '/orders',
  query: '',
  parsed_query: {},
  body: { order: 2 },
};
const returned = { ...given, headers: { ...given.headers, 'x-region': 'eu' } };

export const exampleRunResult: TransformationRunResult = {
  request_id: null,
  transformation_id: null,
  execution_id: null,
  outcome: 'ok',
  log_level: 'info',
  request: returned,
  requests: [returned],
  console: [],
  message: null,
  line: null,
  column: null,
  duration_ms: 1.4,
  transformation_run_time: { start: EXAMPLE_TIME, end: '2026-09-01T12:00:00.012Z' },
};

export const exampleExecution: TransformationExecution = {
  id: EXAMPLE_ID.transformationExecution,
  team_id: EXAMPLE_ID.project,
  transformation_id: EXAMPLE_ID.transformation,
  version: 1,
  webhook_id: EXAMPLE_ID.connection,
  request_id: EXAMPLE_ID.request,
  original_event_data_id: EXAMPLE_ID.eventData,
  transformed_event_data_id: null,
  outcome: 'ok',
  log_level: 'info',
  logs: [],
  message: null,
  line: null,
  column: null,
  duration_ms: 1.4,
  issue_id: null,
  updated_at: EXAMPLE_TIME,
  created_at: EXAMPLE_TIME,
};

export const exampleWholeExecution: TransformationExecution = {
  ...exampleExecution,
  original_event_data: given,
  transformed_event_data: returned,
};
