import { z } from 'zod';
import { time } from './text.ts';

/** What the API shows of everything that can be paused. */
export const gateFields = {
  paused_at: time.nullable(),
  paused_reason: z
    .string()
    .nullable()
    .describe('The reason given with the pause; null where there was none'),
  held_count: z
    .int()
    .optional()
    .describe(
      'How many of its events wait as HOLD, counted up to 100,000. Only in the answers that show, pause or resume this one',
    ),
};

/** What a pause may be given. */
export const pauseInput = z
  .strictObject({
    reason: z.string().max(500, 'must be at most 500 characters long').nullable().optional(),
  })
  .meta({ id: 'PauseInput' });
