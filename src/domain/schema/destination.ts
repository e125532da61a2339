import { z } from 'zod';
import { withDoubles } from '../numbers/exact-number.ts';
import { DestinationType, InternalHeader } from '../status.ts';
import { deliveryPolicy, problemsOfPolicy, ratePeriod, withPeriod } from './delivery-policy.ts';
import { destinationAuthType, problemsOfAuthentication } from './destination-auth.ts';
import { gateFields } from './gate.ts';
import { destinationId, projectId } from './id.ts';
import type { Problem } from './problem.ts';
import { description, name, time } from './text.ts';

const fieldsOfConfig = z.strictObject({
  url: z
    .string()
    .max(4096, 'must be at most 4096 characters long')
    .refine(isHttpUrl, 'must be an http or https URL without a user name and password')
    .optional()
    .describe('Where deliveries go; required for the type HTTP.'),
  path: z
    .string()
    .max(2048, 'must be at most 2048 characters long')
    .regex(/^\//, 'must begin with /')
    .optional()
    .describe('Only destinations of type CLI have it, which older versions accepted.'),
  delivery_policy: deliveryPolicy
    .nullable()
    .optional()
    .describe(
      'How fast it is delivered to. POST and PUT replace the policy as a whole: a limit that is left out of it no longer applies. null removes the policy.',
    ),
  path_forwarding_disabled: z
    .boolean()
    .nullable()
    .optional()
    .describe(
      'Whether the path and the query of the request are left out; they follow the URL if not.',
    ),
  http_method: z
    .enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
    .nullable()
    .optional()
    .describe('The method of deliveries; the sender’s if left out.'),
  auth_type: destinationAuthType
    .nullable()
    .optional()
    .describe('How Sluice authenticates to it; without one deliveries are only signed.'),
  disable_on_gone: z
    .boolean()
    .nullable()
    .optional()
    .describe('Whether 410 Gone disables the destination; true if left out.'),
  internal_headers: z
    .array(z.enum(InternalHeader))
    .max(4)
    .nullable()
    .optional()
    .describe(
      'Which internal headers deliveries carry: event_url adds x-sluice-event-url, original_ip adds x-sluice-original-ip, and so on. None if left out.',
    ),
  auth: z
    .record(z.string(), z.unknown())
    .overwrite(withDoubles)
    .nullable()
    .optional()
    .describe(
      'The credentials: their fields depend on auth_type. They are shown only for `?include=config.auth`.',
    ),
  delivery_timeout: z
    .int()
    .min(1, 'must be 1 second or more')
    .max(900, 'must be at most 900 seconds')
    .nullable()
    .optional()
    .describe('Seconds until an attempt is given up; 60 if left out.'),
});

/** How deliveries leave for a destination. */
export const destinationConfig = fieldsOfConfig.meta({
  id: 'DestinationConfig',
  description: 'How a destination is delivered to.',
});
export type DestinationConfig = z.infer<typeof destinationConfig>;

/** As callers may write it: with the rate limit of the older API version. */
const destinationConfigInput = fieldsOfConfig
  .omit({ path: true })
  .extend({
    rate_limit: z
      .int()
      .min(1, 'must be 1 or more')
      .nullable()
      .optional()
      .describe('The older form of delivery_policy.rate.'),
    rate_limit_period: ratePeriod
      .nullable()
      .optional()
      .describe('The older form of delivery_policy.period.'),
  })
  .superRefine(({ rate_limit: older, delivery_policy: policy }, context) => {
    if (!policy) return;
    for (const { path, message } of problemsOfPolicy(policy)) {
      context.addIssue({ code: 'custom', path: ['delivery_policy', ...path], message });
    }
    if (!older) return;
    const message = 'cannot be used beside delivery_policy: write it there, as rate';
    context.addIssue({ code: 'custom', path: ['rate_limit'], message });
  })
  .meta({ id: 'DestinationConfigInput', description: 'How a destination is delivered to.' });
export type DestinationConfigInput = z.infer<typeof destinationConfigInput>;

export const destination = z
  .strictObject({
    id: destinationId,
    name,
    description,
    team_id: projectId,
    type: z
      .enum(DestinationType)
      .describe(
        'What it is: HTTP is a URL, MOCK_API accepts every delivery. CLI is left from older versions.',
      ),
    config: destinationConfig.describe('How it is delivered to.'),
    ...gateFields,
    disabled_at: time.nullable(),
    disabled_reason: z
      .string()
      .nullable()
      .describe('Why Sluice disabled it; null where a person did.'),
    held_until: time
      .nullable()
      .describe('Until when its receiver asked not to be called, with 429 or 503.'),
    updated_at: time,
    created_at: time,
  })
  .meta({ id: 'Destination', description: 'A place that events are delivered to.' });
export type Destination = z.infer<typeof destination>;

/** What workers think of a destination that keeps failing. */
export const circuit = z
  .strictObject({
    state: z.enum(['open', 'closed']).describe('open: deliveries are held back.'),
    opened_at: time.nullable().describe('Since when it keeps failing; null while it does not.'),
    probe_at: time.nullable().describe('When the next single event tries it; null while closed.'),
  })
  .meta({ id: 'Circuit', description: 'Whether deliveries to a destination are held back.' });

const NO_CLI =
  'cannot be CLI yet: there is no command-line client to deliver to. Use HTTP with a url, or MOCK_API';

const fields = z.strictObject({
  name,
  description: description.optional(),
  type: z
    .enum([DestinationType.Http, DestinationType.MockApi], {
      error: ({ input }) => (input === DestinationType.Cli ? NO_CLI : undefined),
    })
    .optional()
    .describe('HTTP, a URL, if left out; or MOCK_API, which accepts every delivery.'),
  config: destinationConfigInput.optional().describe('How it is delivered to.'),
});

/** A new destination, or one to make or change by its name. */
export const destinationInput = fields.meta({
  id: 'DestinationInput',
  description: 'A new destination.',
});

export const destinationUpdate = fields
  .partial()
  .meta({ id: 'DestinationUpdate', description: 'Changes to a destination.' });
export type DestinationUpdate = z.infer<typeof destinationUpdate>;

/** What callers wrote, in the present form: the older rate limit becomes a delivery policy. */
export function presentConfig(input: DestinationConfigInput): DestinationConfig {
  const { rate_limit: rate, rate_limit_period: period, ...config } = input;
  const older = rate ? { rate, period } : rate === null ? null : undefined;
  const policy = config.delivery_policy ?? older;
  if (policy === undefined) return config;
  if (policy === null) return { ...config, delivery_policy: null };
  return { ...config, delivery_policy: withPeriod(policy) };
}

/** What is wrong with a whole configuration for its type. */
export function problemsOfConfig(type: DestinationType, config: DestinationConfig): Problem[] {
  const problems = problemsOfAuthentication(config);
  const refuse = (field: keyof DestinationConfig, message: string) =>
    problems.push({ path: [field], message });
  const given = (field: keyof DestinationConfig) => (config[field] ?? null) !== null;

  if (type === DestinationType.Http && !given('url')) refuse('url', 'is required');
  if (type !== DestinationType.Http && given('url')) refuse('url', `is not for type ${type}`);
  return problems;
}

function isHttpUrl(text: string): boolean {
  // A domain file imports nothing of Node; URL is in every runtime.
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.hostname !== '' && url.username === '' && url.password === '';
}
