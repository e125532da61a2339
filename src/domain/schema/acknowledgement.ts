import { z } from 'zod';

/** What a sender is told once its request is stored, unless the source or its provider wants another answer. */
export const acknowledgement = z
  .strictObject({
    status: z.literal('SUCCESS').describe('Always SUCCESS.'),
    message: z.string().describe('What happened, in words.'),
    request_id: z.string().describe('The id of the stored request.'),
  })
  .meta({
    id: 'Acknowledgement',
    description: 'Says that the request is stored: what Sluice answers unless told otherwise.',
  });
