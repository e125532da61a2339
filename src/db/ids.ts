import { createHash, randomFillSync } from 'node:crypto';
import { gatewayNow } from './clock.ts';

/** The kinds of things that have an id, with the prefix each carries. */
export const IdPrefix = {
  project: 'tm_',
  apiKey: 'apk_',
  source: 'src_',
  destination: 'des_',
  connection: 'web_',
  transformation: 'trs_',
  transformationExecution: 'reqt_',
  request: 'req_',
  event: 'evt_',
  attempt: 'atm_',
  dispatch: 'dsp_',
} as const;
export type IdKind = keyof typeof IdPrefix;

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_DIGITS = 10;
const UNIQUE_DIGITS = 10;
const BODY_DIGITS = TIME_DIGITS + UNIQUE_DIGITS;

let lastMs = 0;
let sequence = 0;

/** A new id: prefix, 10 base-32 digits of the time in ms, 5 that count within the ms, 24 random bits in 5. Sorts by time. */
export function newId(kind: IdKind, nowMs: number = gatewayNow()): string {
  const fresh = nowMs !== lastMs;
  lastMs = nowMs;
  // The counter starts at a random place in the lower half, so that two processes do not meet.
  sequence = fresh ? random24() : sequence + 1;
  return `${IdPrefix[kind]}${timeDigits(nowMs)}${digits(sequence, 5)}${digits(random24(), 5)}`;
}

/** The id of the event that `requestId` makes for `connectionId`; `part` tells the pieces apart a transformation split it into. */
export function eventId(requestId: string, connectionId: string, part = '0'): string {
  const hash = createHash('sha256').update(`${connectionId}:${part}`).digest();
  return `${IdPrefix.event}${bodyOf(requestId)}${digits(hash.readUIntBE(0, 5), 8)}`;
}

/** The id of the run of a connection's rule at `place` on a request, within one dispatch. */
export function executionId(
  requestId: string,
  { connectionId, place, dispatchId }: { connectionId: string; place: string; dispatchId: string },
): string {
  const hash = createHash('sha256').update(`${connectionId}:${place}:${dispatchId}`).digest();
  return `${IdPrefix.transformationExecution}${bodyOf(requestId)}${digits(hash.readUIntBE(0, 5), 8)}`;
}

/** The id of an event's n-th attempt; db/attempts.ts makes the same in SQL. */
export function attemptId(event: string, number: number): string {
  return `${IdPrefix.attempt}${event.slice(IdPrefix.event.length)}${String(number).padStart(4, '0')}`;
}

/** What the ids of everything that came from one request begin with, as a half-open range [from, to). */
export function derivedRange(
  kind: 'event' | 'attempt',
  from: string,
): { from: string; to: string } {
  const prefix = `${IdPrefix[kind]}${from.slice(from.indexOf('_') + 1)}`;
  return { from: prefix, to: `${prefix}~` };
}

/** The first id of `kind` that could have been made at `ms`. */
export function firstIdAt(kind: IdKind, ms: number): string {
  return `${IdPrefix[kind]}${timeDigits(ms)}`;
}

/** When an id was made, in ms since 1970. */
export function timeOfId(id: string): number {
  const time = id.slice(id.indexOf('_') + 1).slice(0, TIME_DIGITS);
  let ms = 0;
  for (const digit of time) ms = ms * 32 + DIGITS.indexOf(digit);
  return ms;
}

/** The request an event was made of. */
export function requestIdOf(event: string): string {
  return `${IdPrefix.request}${bodyOf(event)}`;
}

/**
 * Ids with their bounds, for `id = any(…) and id >= … and id <= …`. Bounds alone would do for the partition, but old ids
 * and new ones go together where a backlog drains: all rows in between lie within them, and may be read.
 */
export function among(ids: string[]): [string[], string, string] {
  return [ids, ...bounds(ids)];
}

/** The smallest and largest of ids: bounds let PostgreSQL look into the day's partition alone. */
export function bounds(ids: string[]): [string, string] {
  let first = ids[0] ?? '';
  let last = first;
  for (const id of ids) {
    if (id < first) first = id;
    if (id > last) last = id;
  }
  return [first, last];
}

/** Whether `text` looks like an id of `kind`. */
export function isId(kind: IdKind, text: string): boolean {
  const prefix = IdPrefix[kind];
  return text.startsWith(prefix) && /^[0-9a-z]{20,32}$/.test(text.slice(prefix.length));
}

function bodyOf(id: string): string {
  return id.slice(id.indexOf('_') + 1, id.indexOf('_') + 1 + BODY_DIGITS);
}

function timeDigits(ms: number): string {
  return digits(ms, TIME_DIGITS);
}

function digits(value: number, count: number): string {
  let text = '';
  for (let rest = value, i = 0; i < count; i++) {
    text = DIGITS[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

// Asking the system for random bytes costs more than all the rest of an id: ask for many at once.
const pool = Buffer.alloc(3 * 1_024);
let used = pool.length;

function random24(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 3;
  return pool.readUIntBE(used - 3, 3);
}
