import { z } from 'zod';
import { event } from './event.ts';
import { connectionId, sourceId } from './id.ts';
import { request } from './request.ts';

/** Where a stored request is to be taken in once more: at a source, or for connections. */
export const replayInput = z
  .strictObject({
    source_id: sourceId.optional(),
    webhook_ids: z
      .array(connectionId)
      .min(1, 'must name a connection')
      .max(1000, 'must name at most 1000 connections')
      .optional(),
  })
  .meta({ id: 'ReplayInput' });
export type ReplayInput = z.infer<typeof replayInput>;

/** What a replay made: a new request for every source, and their events so far. */
export const replayed = z
  .strictObject({ requests: z.array(request), events: z.array(event) })
  .meta({ id: 'Replayed' });
