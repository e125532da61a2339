/** The periods a rate can be given for; `concurrent` limits open requests and is no pace. */
export const PacePeriod = { Second: 'second', Minute: 'minute', Hour: 'hour' } as const;
export type PacePeriod = (typeof PacePeriod)[keyof typeof PacePeriod];

const PERIOD_MS: Record<PacePeriod, number> = { second: 1_000, minute: 60_000, hour: 3_600_000 };

/** The distance between two deliveries at a rate, spread evenly: 4 a minute is one every 15 s. May be a fraction. */
export function periodToIntervalMs({ rate, period }: { rate: number; period: PacePeriod }): number {
  return PERIOD_MS[period] / rate;
}

/**
 * Slots that were reserved, first to last, perhaps fewer than asked for, and the time from which the
 * next one counts; or `full` where none lies within the horizon, with the time from which one will.
 */
export type Reservation = { slotsMs: number[]; tatMs: number } | { full: true; roomAtMs: number };

/**
 * Reserves up to `count` delivery times, none before now and none beyond the horizon.
 *
 * `tatMs` is the earliest time the next delivery may have (the theoretical arrival time of GCRA,
 * without burst). Times are apart by the interval, whoever asks and whatever their clocks say, so a
 * period never holds more than the rate plus one.
 */
export function reserve({
  tatMs,
  nowMs,
  intervalMs,
  count,
  horizonMs,
}: {
  tatMs: number;
  nowMs: number;
  intervalMs: number;
  count: number;
  horizonMs: number;
}): Reservation {
  const firstMs = Math.max(tatMs, nowMs);
  const lastMs = nowMs + horizonMs;
  if (firstMs > lastMs) return { full: true, roomAtMs: firstMs - horizonMs };

  const fitting = Math.min(count, Math.floor((lastMs - firstMs) / intervalMs) + 1);
  if (fitting <= 0) return { slotsMs: [], tatMs };
  const slotsMs = Array.from({ length: fitting }, (_, index) => firstMs + index * intervalMs);
  return { slotsMs, tatMs: firstMs + fitting * intervalMs };
}
