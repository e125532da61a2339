import { z } from 'zod';
import { event } from './event.ts';
import { connectionId, sourceId } from './id.ts';
import { request } from './request.ts';

/** Where a stored request is to be taken in once more: at a source, or for connections. */
export const replayInput = z
  .strictObject({
    source_id: sourceId.optional().describe('The source to replay it at; its own if left out.'),
    webhook_ids: z
      .array(connectionId)
      .min(1, 'must name a connection')
      .max(1000, 'must name at most 1000 connections')
      .optional()
      .describe('The connections to replay it for.'),
  })
  .meta({ id: 'ReplayInput', description: 'Where to replay a request.' });
export type ReplayInput = z.infer<typeof replayInput>;

/** What a replay made: a new request for every source, and their events so far. */
export const replayed = z
  .strictObject({
    requests: z.array(request).describe('The new requests, one for each source.'),
    events: z.array(event).describe('The events they have become so far.'),
  })
  .meta({ id: 'Replayed', description: 'What a replay made.' });
