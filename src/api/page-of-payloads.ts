import type { Page } from '../db/query.ts';
import { LARGE_PAYLOAD_BYTES } from '../domain/schema/request.ts';

const MAX_PAGE_BYTES = 8_000_000;
// What is read from the database at once.
const BATCH_BYTES = 1_000_000;

/**
 * Ends a page early where its bodies together would be too much for one answer; the rest is on the next page.
 * One row always stays.
 */
export function fitting<Row extends { id: string }>(
  page: Page<Row>,
  { bytesOf, backwards }: { bytesOf: (row: Row) => number; backwards: boolean },
): Page<Row> {
  const order = backwards ? page.rows.toReversed() : page.rows;
  let total = 0;
  const cut = order.findIndex((row, index) => {
    const bytes = bytesOf(row);
    // Larger bodies are not shown.
    total += bytes > LARGE_PAYLOAD_BYTES ? 0 : bytes;
    return index > 0 && total > MAX_PAGE_BYTES;
  });
  if (cut < 0) return page;
  const kept = order.slice(0, cut);
  const last = kept.at(-1)!.id;
  return backwards
    ? { ...page, rows: kept.toReversed(), prev: last }
    : { ...page, rows: kept, next: last };
}

/** Rows in their order, as many together as may be read at once. */
export function batchesOf<Row>(rows: Row[], bytesOf: (row: Row) => number): Row[][] {
  const batches: Row[][] = [];
  let room = 0;
  for (const row of rows) {
    const bytes = Math.min(bytesOf(row), LARGE_PAYLOAD_BYTES);
    if (batches.length === 0 || bytes > room) {
      batches.push([]);
      room = BATCH_BYTES;
    }
    room -= bytes;
    batches.at(-1)!.push(row);
  }
  return batches;
}
