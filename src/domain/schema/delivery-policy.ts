import { z } from 'zod';
import type { Problem } from './problem.ts';
import { payloadPath } from './text.ts';

export const RatePeriod = {
  Second: 'second',
  Minute: 'minute',
  Hour: 'hour',
  Concurrent: 'concurrent',
} as const;
export type RatePeriod = (typeof RatePeriod)[keyof typeof RatePeriod];

export const ratePeriod = z.enum(RatePeriod);
const period = ratePeriod.nullable().optional();
const limit = z.int().min(1, 'must be 1 or more');
const atMost = limit.max(100_000, 'must be at most 100000').nullable().optional();

const fieldsOfGroup = {
  rate: atMost.describe('How many deliveries of a group a period; required with rate_period.'),
  rate_period: period.describe(
    'The period of the rate, required with it; concurrent makes the rate a limit of open requests.',
  ),
  concurrent: atMost.describe('How many requests of a group may be open at once.'),
};
type GroupRate = z.infer<z.ZodObject<typeof fieldsOfGroup>>;

const groups = z
  .strictObject({
    key: payloadPath.describe('Where a request carries its group, such as body.customer_id.'),
    ...fieldsOfGroup,
    overrides: z
      .record(z.string(), z.strictObject(fieldsOfGroup).superRefine(checkGroupRate))
      .nullable()
      .optional()
      .describe(
        'Limits of single groups, by the name that delivery_group of their events shows. They replace both limits of the others.',
      ),
  })
  .superRefine(checkGroupRate);

/** How fast a destination is sent to: deliveries a period, open at once, or both; and per group of events within it. */
export const deliveryPolicy = z
  .strictObject({
    rate: limit.nullable().optional().describe('How many deliveries a period.'),
    period: period.describe(
      'The period of the rate; second if left out. concurrent makes the rate a limit of open requests.',
    ),
    concurrent: atMost.describe('How many requests may be open at once, whatever the rate.'),
    groups: groups
      .nullable()
      .optional()
      .describe('A rate, a limit of open requests, or both for each group, within the whole.'),
  })
  .superRefine((policy, context) => checkConcurrent(policy, { period: policy.period, context }))
  .meta({
    id: 'DeliveryPolicy',
    description:
      'How fast a destination is delivered to: with a rate, concurrent or groups, or several of them.',
  });
export type DeliveryPolicy = z.infer<typeof deliveryPolicy>;

/** A rate without a period is per second. */
export function withPeriod(policy: DeliveryPolicy): DeliveryPolicy {
  return policy.rate ? { ...policy, period: policy.period ?? RatePeriod.Second } : policy;
}

/**
 * What is wrong with a policy as a whole. Only what callers write is checked for this: one that was stored before this
 * was asked can still be read.
 */
export function problemsOfPolicy(policy: DeliveryPolicy): Problem[] {
  const { rate, period: of, concurrent: open, groups: each } = policy;
  if (rate) return [];
  if (of) return [{ path: ['rate'], message: 'is required with period' }];
  if (open || each) return [];
  const message = 'limits nothing: give it rate, concurrent or groups, or null to remove it';
  return [{ path: [], message }];
}

type Context = z.RefinementCtx;

function checkGroupRate(given: GroupRate, context: Context): void {
  const { rate, rate_period: of } = given;
  const refuse = (field: keyof GroupRate, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message });
  if (!rate && of) refuse('rate', 'is required with rate_period');
  else if (!rate && !given.concurrent) refuse('rate', 'is required unless concurrent is given');
  if (rate && !of) refuse('rate_period', 'is required');
  checkConcurrent(given, { period: of, context });
}

function checkConcurrent(
  { rate, concurrent: open }: Pick<GroupRate, 'rate' | 'concurrent'>,
  { period: of, context }: { period: RatePeriod | null | undefined; context: Context },
): void {
  if (!rate || !open || of !== RatePeriod.Concurrent) return;
  const message =
    'limits what rate with the period concurrent already limits: leave it out, or choose the period second, minute or hour';
  context.addIssue({ code: 'custom', path: ['concurrent'], message });
}
