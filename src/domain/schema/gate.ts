import { z } from 'zod';
import { time } from './text.ts';

/** What the API shows of everything that can be paused. */
export const gateFields = {
  paused_at: time.nullable(),
  paused_reason: z
    .string()
    .nullable()
    .describe('Why it is paused, as given with the pause; null where nothing was given.'),
  held_count: z
    .int()
    .optional()
    .describe(
      'How many of its events wait as HOLD, counted up to 100,000. Only answers that retrieve, pause or resume a single one have it.',
    ),
};

/** What a pause may be given. */
export const pauseInput = z
  .strictObject({
    reason: z
      .string()
      .max(500, 'must be at most 500 characters long')
      .nullable()
      .optional()
      .describe('Why it is paused, for people: paused_reason shows it.'),
  })
  .meta({ id: 'PauseInput', description: 'What a pause may be given.' });
