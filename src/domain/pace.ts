/** The periods a rate can be given for; `concurrent` limits open requests and is no pace. */
export const PacePeriod = { Second: 'second', Minute: 'minute', Hour: 'hour' } as const;
export type PacePeriod = (typeof PacePeriod)[keyof typeof PacePeriod];

export const PERIOD_MS: Record<PacePeriod, number> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
};
