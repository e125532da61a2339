import sql, { empty, join, raw, type Sql } from 'sql-template-tag';
import { Direction } from '../domain/schema/list.ts';

/** What a list is asked for of one column. `any`: has a value; a value in `in` is enough; bounds are ANDed. */
export type Filter<Value> = {
  in?: Value[];
  gt?: Value;
  gte?: Value;
  lt?: Value;
  lte?: Value;
  any?: boolean;
};

/** Which page: after the id `next`, or before the id `prev`. */
export type PageOrder = {
  dir: Direction;
  limit: number;
  next?: string | undefined;
  prev?: string | undefined;
};

/** A page of rows, with the ids to go on from where there is more. */
export type Page<Row> = { rows: Row[]; next: string | null; prev: string | null };

const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

/** The conditions a filter puts on a column; `column` is written by us, never by a caller. */
export function conditionsOn(column: string, filter: Filter<unknown> | undefined): Sql[] {
  if (filter === undefined) return [];
  const conditions: Sql[] = [];
  if (filter.in) conditions.push(sql`${raw(column)} = any(${filter.in})`);
  for (const [name, operator] of Object.entries(OPERATORS)) {
    const bound = filter[name as keyof typeof OPERATORS];
    // A time is compared in milliseconds, as it is shown: nothing hides behind the digits that are cut off.
    const left =
      bound instanceof Date ? sql`date_trunc('milliseconds', ${raw(column)})` : raw(column);
    if (bound !== undefined) conditions.push(sql`${left} ${raw(operator)} ${bound}`);
  }
  if (filter.any) conditions.push(sql`${raw(column)} is not null`);
  return conditions;
}

/** Conditions joined by `and`, with `where` in front of them; nothing where there are none. */
export function where(conditions: Sql[]): Sql {
  return conditions.length === 0 ? empty : sql`where ${join(conditions, ' and ')}`;
}

/** Whether the page is read against its order: from `prev` backwards. */
export function isBackwards(page: PageOrder): boolean {
  return page.prev !== undefined;
}

/** Against which way a sort key runs when the page is read backwards. */
export function directionOf(dir: Direction, backwards: boolean): Direction {
  if (!backwards) return dir;
  return dir === Direction.Ascending ? Direction.Descending : Direction.Ascending;
}

/** Makes a page of rows that were read with one row more than its limit. */
export function pageOf<Row extends { id: string }>(read: Row[], page: PageOrder): Page<Row> {
  const more = read.length > page.limit;
  const kept = read.slice(0, page.limit);
  const backwards = isBackwards(page);
  const rows = backwards ? kept.toReversed() : kept;
  const first = rows[0]?.id ?? null;
  const last = rows.at(-1)?.id ?? null;
  const hasNext = backwards || more;
  const hasPrev = backwards ? more : page.next !== undefined;
  return { rows, next: hasNext ? last : null, prev: hasPrev ? first : null };
}

export type SortKey = { expression: Sql; dir: Direction };

/**
 * Rows beyond the cursor in an order of several keys, each in its own direction:
 * (a > x) or (a = x and b < y) or … `cursor` gives the cursor's value of the key at an index.
 */
export function beyond(keys: SortKey[], cursor: (index: number) => Sql): Sql {
  const cases = keys.map((key, index) => {
    const equal = keys.slice(0, index).map((k, i) => sql`${k.expression} = ${cursor(i)}`);
    const operator = raw(key.dir === Direction.Ascending ? '>' : '<');
    return sql`(${join([...equal, sql`${key.expression} ${operator} ${cursor(index)}`], ' and ')})`;
  });
  return sql`(${join(cases, ' or ')})`;
}

export function orderBy(keys: SortKey[]): Sql {
  return sql`order by ${join(
    keys.map((key) => sql`${key.expression} ${raw(key.dir)}`),
    ', ',
  )}`;
}
