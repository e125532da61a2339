import { z } from 'zod';

export const DEFAULT_LIMIT = 100;
export const MAX_LIMIT = 255;

export const Direction = { Ascending: 'asc', Descending: 'desc' } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

const pagination = z
  .strictObject({
    order_by: z.string().describe('The field the list is sorted by.'),
    dir: z.enum(Direction).describe('The direction of sorting.'),
    limit: z.int().describe('How many models a page holds at most.'),
    next: z.string().optional().describe('The parameter next for the following page, if any.'),
    prev: z.string().optional().describe('The parameter prev for the page before, if any.'),
  })
  .meta({ id: 'Pagination', description: 'Which page this is, and how to get its neighbours.' });

/** The envelope around a page of models; `next` and `prev` are ids to go on from. */
export function listOf<Model extends z.ZodType>(model: Model) {
  return z.strictObject({
    pagination: pagination.describe('Which page this is.'),
    count: z.int().describe('How many models this page holds.'),
    models: z.array(model).describe('The page.'),
    notes: z
      .array(z.string())
      .optional()
      .describe('What to know about the filters; left out where there is nothing to say.'),
  });
}

export const count = z
  .strictObject({ count: z.int().describe('How many there are.') })
  .meta({ id: 'Count', description: 'A number of things.' });
export const deleted = z
  .strictObject({ id: z.string().describe('The id of what was deleted.') })
  .meta({ id: 'Deleted', description: 'What was deleted.' });
