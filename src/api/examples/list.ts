import { DEFAULT_LIMIT, Direction } from '../../domain/schema/list.ts';

/** A page with one model. */
export function examplePage<Model>(model: Model, orderBy = 'created_at') {
  return {
    pagination: { order_by: orderBy, dir: Direction.Descending, limit: DEFAULT_LIMIT },
    count: 1,
    models: [model],
  };
}
