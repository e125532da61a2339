import { z } from 'zod';
import { IgnoredCause } from '../status.ts';
import { connectionId, projectId, requestId } from './id.ts';
import { time } from './text.ts';

/** A request that a connection did not take. Its id is `<request id>:<connection id>`. */
export const ignoredEvent = z
  .strictObject({
    id: z.string().regex(/^req_[0-9a-z]+:web_[0-9a-z]+$/),
    team_id: projectId,
    webhook_id: connectionId,
    request_id: requestId,
    cause: z.enum(IgnoredCause),
    meta: z.unknown().describe('FILTERED: the parts that did not match'),
    created_at: time,
  })
  .meta({ id: 'IgnoredEvent' });
export type IgnoredEvent = z.infer<typeof ignoredEvent>;
