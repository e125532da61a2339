import { z } from 'zod';
import { IgnoredCause } from '../status.ts';
import { connectionId, projectId, requestId } from './id.ts';
import { time } from './text.ts';

/** A key that did not meet the condition of a filter. */
const filterMismatch = z
  .strictObject({
    path: z.string().describe('Where the key stands, such as body.order.total.'),
    expected: z.unknown().describe('The condition of the filter.'),
    actual: z
      .unknown()
      .optional()
      .describe(
        'What the request held there; left out if there was nothing. Secrets are [redacted]. A value of more than 200 characters is cut and shown as text, with … at its end.',
      ),
  })
  .meta({ id: 'FilterMismatch', description: 'A key of a request that a filter did not match.' });

/** `<request id>:<connection id>` */
export const ignoredEventId = z.string().regex(/^req_[0-9a-z]+:web_[0-9a-z]+$/);

/** A request that a connection did not take. */
export const ignoredEvent = z
  .strictObject({
    id: ignoredEventId.describe('The id of the request and the id of the connection.'),
    team_id: projectId,
    webhook_id: connectionId,
    request_id: requestId,
    cause: z
      .enum(IgnoredCause)
      .describe(
        'Why the connection ignored the request. Sluice never sets CLI_DISCONNECTED yet: there are no command-line clients.',
      ),
    meta: z
      .unknown()
      .describe(
        'Details: for FILTERED the parts that did not match, for DISABLED what is disabled, and its id.',
      ),
    mismatches: z
      .array(filterMismatch)
      .nullable()
      .describe(
        'For FILTERED the keys that did not match, at most five; null for other causes, and for what an older version filtered.',
      ),
    created_at: time,
  })
  .meta({ id: 'IgnoredEvent', description: 'A request that a connection ignored.' });
export type IgnoredEvent = z.infer<typeof ignoredEvent>;
