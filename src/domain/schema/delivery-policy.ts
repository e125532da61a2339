import { z } from 'zod';
import { payloadPath } from './text.ts';

export const RatePeriod = {
  Second: 'second',
  Minute: 'minute',
  Hour: 'hour',
  Concurrent: 'concurrent',
} as const;
export type RatePeriod = (typeof RatePeriod)[keyof typeof RatePeriod];

export const ratePeriod = z.enum(RatePeriod);
const groupRate = z
  .int()
  .min(1, 'must be 1 or more')
  .max(100_000, 'must be at most 100000')
  .describe('Deliveries per period, or open at once');

const groups = z.strictObject({
  key: payloadPath,
  rate: groupRate,
  rate_period: ratePeriod,
  overrides: z
    .record(z.string(), z.strictObject({ rate: groupRate, rate_period: ratePeriod }))
    .nullable()
    .optional(),
});

/** The pace of a destination: so many deliveries a period (or open at once), and per group of events within it. */
export const deliveryPolicy = z
  .strictObject({
    rate: z.int().min(1, 'must be 1 or more').nullable().optional(),
    period: ratePeriod.nullable().optional(),
    groups: groups.nullable().optional(),
  })
  .meta({ id: 'DeliveryPolicy' });
export type DeliveryPolicy = z.infer<typeof deliveryPolicy>;
