import { z } from 'zod';
import { MAX_DEDUPLICATE_WINDOW_MS, MIN_DEDUPLICATE_WINDOW_MS } from '../deduplicate.ts';
import { validateFilter } from '../filter-validation.ts';
import { parseFieldPath } from '../payload-path.ts';
import { MAX_RETRY_DELAY_MS, parseStatusPattern } from '../retry.ts';
import { transformationId } from './id.ts';
import { transformationInput } from './transformation.ts';

const MAX_RULES = 50;

const waitMs = z.int().max(MAX_RETRY_DELAY_MS, `must be at most ${MAX_RETRY_DELAY_MS} ms`);

const statusPattern = z
  .string()
  .refine(
    (text) => parseStatusPattern(text) !== null,
    'must be a status such as 404, !401, >=500 or 500-599',
  );

const retry = z.strictObject({
  type: z.literal('retry').describe('Tries failed deliveries again.'),
  strategy: z
    .enum(['linear', 'exponential'])
    .describe('linear waits the interval each time; exponential doubles it.'),
  interval: waitMs
    .min(100, 'must be 100 ms or more')
    .nullable()
    .optional()
    .describe('Milliseconds to the first retry.'),
  count: z
    .int()
    .min(0, 'must be 0 or more')
    .max(10_000, 'must be at most 10000')
    .nullable()
    .optional()
    .describe('Retries after the first attempt.'),
  response_status_codes: z
    .array(statusPattern)
    .min(1, 'must hold 1 to 10 patterns')
    .max(10, 'must hold 1 to 10 patterns')
    .nullable()
    .optional()
    .describe('The statuses that are retried, such as >=500, 500-599, 429 or !401.'),
});

const FILTERED_PARTS = ['headers', 'body', 'query', 'path'] as const;

const filter = z
  .strictObject({
    type: z.literal('filter').describe('Ignores requests that do not match.'),
    headers: z.unknown().optional().describe('What the headers must be like: see docs/filters.md.'),
    body: z.unknown().optional().describe('What the body must be like: see docs/filters.md.'),
    query: z.unknown().optional().describe('What the query must be like: see docs/filters.md.'),
    path: z.unknown().optional().describe('What the path must be like: see docs/filters.md.'),
  })
  .superRefine((rule, context) => {
    for (const part of FILTERED_PARTS) {
      for (const { path, message } of rule[part] === undefined ? [] : validateFilter(rule[part])) {
        context.addIssue({ code: 'custom', path: [part, ...stepsOf(path)], message });
      }
    }
  });

const transform = z
  .strictObject({
    type: z.literal('transform').describe('Runs a transformation.'),
    transformation_id: transformationId
      .nullable()
      .optional()
      .describe('The transformation, or describe it in transformation.'),
    transformation: transformationInput
      .optional()
      .describe('A transformation that is created, or updated where its name exists.'),
  })
  .refine((rule) => Boolean(rule.transformation_id) !== Boolean(rule.transformation), {
    error: 'is required, or transformation instead of it',
    path: ['transformation_id'],
  });

const delay = z.strictObject({
  type: z.literal('delay').describe('Waits before the first delivery.'),
  delay: waitMs.min(0, 'must be 0 or more').describe('Milliseconds.'),
});

const fieldPath = z.string().superRefine((text, context) => {
  const parsed = parseFieldPath(text);
  if ('error' in parsed) context.addIssue({ code: 'custom', message: parsed.error });
});
const fieldPaths = z
  .array(fieldPath)
  .min(1, 'must name a field')
  .max(50, 'must name at most 50 fields');

const deduplicate = z
  .strictObject({
    type: z.literal('deduplicate').describe('Ignores requests that repeat another one.'),
    window: z
      .int()
      .min(MIN_DEDUPLICATE_WINDOW_MS, `must be ${MIN_DEDUPLICATE_WINDOW_MS} ms or more`)
      .max(MAX_DEDUPLICATE_WINDOW_MS, `must be at most ${MAX_DEDUPLICATE_WINDOW_MS} ms (30 days)`)
      .describe('Milliseconds within which a repeat is ignored.'),
    include_fields: fieldPaths
      .optional()
      .describe('The fields that make a repeat, such as body.id; all of the request if left out.'),
    exclude_fields: fieldPaths.optional().describe('Fields that may differ, such as headers.date.'),
  })
  .refine((rule) => !(rule.include_fields && rule.exclude_fields), {
    error: 'cannot stand beside include_fields',
    path: ['exclude_fields'],
  });

/** One step of a connection; they are taken in the order in which they stand. */
export const rule = z
  .discriminatedUnion('type', [retry, filter, transform, delay, deduplicate])
  .meta({ id: 'Rule', description: 'One step of a connection.' });
export type Rule = z.infer<typeof rule>;

export const rules = z
  .array(rule)
  .max(MAX_RULES, `must hold at most ${MAX_RULES} rules`)
  .superRefine((list, context) => {
    for (const type of ['retry', 'delay'] as const) {
      const [, second] = list.flatMap((item, index) => (item.type === type ? [index] : []));
      if (second === undefined) continue;
      const message = `must not be a second ${type} rule`;
      context.addIssue({ code: 'custom', path: [second], message });
    }
  });

// `a.b[0]`, `[0].a` or `["a b"].c`, as the filter's own report writes it.
function stepsOf(path: string): (string | number)[] {
  const steps = path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|[^.[\]]+/g);
  return [...steps].map(([name, index, quoted]) => {
    if (index !== undefined) return Number(index);
    return quoted === undefined ? name : String(JSON.parse(quoted));
  });
}
