import { parseKeyPath, readKey, type PayloadParts } from './payload-path.ts';

/** How a connection orders its events: by what stands at a path, or all together (`key` null). */
export type Ordering = { key: string | null; on_failure?: 'block' | 'skip' | undefined };

const LONGEST_KEY = 256;

/**
 * The lane of an event: null where its connection has no order, '' where the key is missing (or all go in one).
 * A key is cut where it gets too long for an index: those that begin alike then share a lane, which is still in order.
 */
export function laneKeyOf(
  ordering: Ordering | null | undefined,
  parts: PayloadParts,
): string | null {
  if (!ordering) return null;
  return ordering.key === null ? '' : keyAt(ordering.key, parts);
}

function keyAt(path: string, parts: PayloadParts): string {
  const parsed = parseKeyPath(path);
  if ('error' in parsed) return '';
  return shortLaneKey(readKey(parsed.path, parts));
}

/** A key as it is stored. */
export function shortLaneKey(key: string): string {
  // PostgreSQL keeps no NUL in a text.
  return key.slice(0, LONGEST_KEY).replaceAll('\0', '\uFFFD');
}

/** The id of the workflow that delivers a connection's events in order. */
export function laneWorkflowId(connectionId: string): string {
  return `lane/${connectionId}`;
}
