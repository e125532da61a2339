import { z } from 'zod';
import type { Page } from '../db/query.ts';
import { DEFAULT_LIMIT, Direction, MAX_LIMIT } from '../domain/schema/list.ts';

/** The parameters every list has: which part, how much, and in which order. */
export function pagingOf<By extends string>({
  orders,
  cursor,
}: {
  orders: readonly [By, ...By[]];
  /** What an id of the list looks like. */
  cursor: z.ZodType<string>;
}) {
  const order = z.enum(orders);
  const direction = z.preprocess(lowerCase, z.enum(Direction));
  return {
    order_by: z
      .union([order, z.array(order).min(1).max(2)], `must be one of ${orders.join(', ')}`)
      .optional(),
    dir: z.union([direction, z.array(direction).min(1).max(2)], 'must be asc or desc').optional(),
    limit: z
      .unknown()
      .transform((value, context) => {
        const limit = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : -1;
        if (limit >= 0 && limit <= MAX_LIMIT) return limit;
        context.addIssue({
          code: 'custom',
          message: `must be a whole number from 0 to ${MAX_LIMIT}`,
        });
        return z.NEVER;
      })
      .meta({ type: 'integer', minimum: 0, maximum: MAX_LIMIT, default: DEFAULT_LIMIT })
      .optional(),
    next: cursor.optional(),
    prev: cursor.optional(),
  };
}

type Asked<By> = {
  order_by?: By | By[] | undefined;
  dir?: Direction | Direction[] | undefined;
  limit?: number | undefined;
  next?: string | undefined;
  prev?: string | undefined;
};

/** What was asked for, complete: keys in order, each with its direction. */
export function pageAsked<By extends string>(asked: Asked<By>, defaultOrder: By) {
  const orders = [asked.order_by ?? defaultOrder].flat();
  const dirs = [asked.dir ?? Direction.Descending].flat();
  const keys = orders.map((by, index) => ({ by, dir: dirs[index] ?? dirs[0]! }));
  const { limit = DEFAULT_LIMIT, next, prev } = asked;
  return { keys, dir: keys[0]!.dir, limit, next: prev === undefined ? next : undefined, prev };
}

/** The envelope of a list, from a page of rows and what they look like outside. */
export function envelope<Row, Model>(
  page: Page<Row>,
  {
    asked,
    models,
    notes = [],
  }: { asked: ReturnType<typeof pageAsked>; models: Model[]; notes?: string[] },
) {
  return {
    pagination: {
      order_by: asked.keys[0]!.by,
      dir: asked.dir,
      limit: asked.limit,
      ...(page.next === null ? {} : { next: page.next }),
      ...(page.prev === null ? {} : { prev: page.prev }),
    },
    count: models.length,
    models,
    ...(notes.length === 0 ? {} : { notes }),
  };
}

function lowerCase(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase();
  return value;
}
