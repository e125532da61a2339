import { z } from 'zod';

export const DEFAULT_LIMIT = 100;
export const MAX_LIMIT = 255;

export const Direction = { Ascending: 'asc', Descending: 'desc' } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/** The envelope around a page of models; `next` and `prev` are ids to go on from. */
export function listOf<Model extends z.ZodType>(model: Model) {
  return z.strictObject({
    pagination: z.strictObject({
      order_by: z.string(),
      dir: z.enum(Direction),
      limit: z.int(),
      next: z.string().optional(),
      prev: z.string().optional(),
    }),
    count: z.int(),
    models: z.array(model),
    notes: z.array(z.string()).optional().describe('What to know about the filters of this list'),
  });
}

export const count = z.strictObject({ count: z.int() }).meta({ id: 'Count' });
export const deleted = z.strictObject({ id: z.string() }).meta({ id: 'Deleted' });
