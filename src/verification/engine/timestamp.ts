import { refused, VerificationReason, type Refused } from '../verdict.ts';
import type { TimestampRule } from './scheme.ts';

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?<zone>Z|[+-]\d{2}:?\d{2})?$/;
const DIGITS = /^\d{1,16}$/;

/** Reads a timestamp in milliseconds; null where it is none. */
export function parseTimestamp(text: string, unit: TimestampRule['unit']): number | null {
  if (unit === 'iso') {
    const parsed = ISO.exec(text);
    // Without a zone it is UTC; JavaScript would take our own.
    return parsed === null
      ? null
      : dateMs(parsed.groups?.['zone'] === undefined ? `${text}Z` : text);
  }
  if (!DIGITS.test(text)) return null;
  const number = Number(text);
  const isSeconds = unit === 's' || (unit === 'auto' && text.length < 12);
  return isSeconds ? number * 1000 : number;
}

function dateMs(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/**
 * Refuses what was signed too long before, or after, the request arrived. Measured at the time of receipt:
 * verification may run hours later.
 */
export function checkTimestamp(
  signedAtMs: number,
  {
    receivedAtMs,
    toleranceMs,
    unit,
  }: { receivedAtMs: number; toleranceMs: number; unit?: TimestampRule['unit'] },
): Refused | null {
  const ageMs = receivedAtMs - signedAtMs;
  if (Math.abs(ageMs) <= toleranceMs) return null;
  return ageMs > 0
    ? refused(VerificationReason.TIMESTAMP_TOO_OLD, old(ageMs, { signedAtMs, toleranceMs, unit }))
    : refused(
        VerificationReason.TIMESTAMP_IN_FUTURE,
        `signed ${seconds(-ageMs)} after it arrived; tolerance is ${seconds(toleranceMs)}`,
      );
}

function old(
  ageMs: number,
  {
    signedAtMs,
    toleranceMs,
    unit,
  }: { signedAtMs: number; toleranceMs: number; unit: TimestampRule['unit'] | undefined },
): string {
  // A number of seconds read as milliseconds lies in January 1970.
  if (unit === 'ms' && signedAtMs < 10_000_000_000)
    return 'the timestamp looks like seconds, not milliseconds';
  return `signed ${seconds(ageMs)} before it arrived; tolerance is ${seconds(toleranceMs)}`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
