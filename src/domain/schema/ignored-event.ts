import { z } from 'zod';
import { IgnoredCause } from '../status.ts';
import { connectionId, projectId, requestId } from './id.ts';
import { time } from './text.ts';

/** A key that did not meet the condition of a filter. */
const filterMismatch = z
  .strictObject({
    path: z.string().describe('Where it stands, such as body.order.total'),
    expected: z.unknown().describe('The condition of the filter'),
    actual: z
      .unknown()
      .optional()
      .describe(
        'What the request held there; left out if there was nothing. Secrets are [redacted]; a value of more than 200 characters is text that ends with …',
      ),
  })
  .meta({ id: 'FilterMismatch' });

/** A request that a connection did not take. Its id is `<request id>:<connection id>`. */
export const ignoredEvent = z
  .strictObject({
    id: z.string().regex(/^req_[0-9a-z]+:web_[0-9a-z]+$/),
    team_id: projectId,
    webhook_id: connectionId,
    request_id: requestId,
    cause: z.enum(IgnoredCause),
    meta: z.unknown().describe('FILTERED: the parts that did not match'),
    mismatches: z
      .array(filterMismatch)
      .nullable()
      .describe('FILTERED: the keys that did not match, at most five'),
    created_at: time,
  })
  .meta({ id: 'IgnoredEvent' });
export type IgnoredEvent = z.infer<typeof ignoredEvent>;
