import { z } from 'zod';
import { WebhookHeaders } from '../status.ts';
import { destination, destinationInput } from './destination.ts';
import { gateFields } from './gate.ts';
import { connectionId, destinationId, projectId, sourceId } from './id.ts';
import { rule, rules } from './rule.ts';
import { source, sourceInput } from './source.ts';
import { description, name, payloadPath, time } from './text.ts';

/** Deliver events of one key one after the other (`key` null: all of them); what waits after one that failed for good. */
export const ordering = z
  .strictObject({
    key: payloadPath
      .nullable()
      .describe(
        'Where a request carries the key, such as body.customer_id; null orders all events.',
      ),
    on_failure: z
      .enum(['block', 'skip'])
      .optional()
      .describe(
        'After the last attempt of an event failed, block keeps those behind it waiting until it is retried or cancelled; skip goes on.',
      ),
  })
  .meta({ id: 'Ordering', description: 'Delivers the events of one key one after the other.' });

const webhookHeaders = z
  .enum(WebhookHeaders, 'must be replace or pass_through')
  .describe(
    'replace: deliveries carry the webhook-id, webhook-timestamp and webhook-signature of Sluice, and the sender’s as x-sluice-original-webhook-…; pass_through: they carry the sender’s unchanged, and those of Sluice as x-sluice-webhook-…',
  );

export const connection = z
  .strictObject({
    id: connectionId,
    name: name.nullable(),
    full_name: z
      .string()
      .nullable()
      .describe('The names of its source and its own: source -> name.'),
    description,
    team_id: projectId,
    source: source.describe('Where its requests come in.'),
    destination: destination.describe('Where its events go.'),
    rules: z.array(rule).describe('What happens to a request on its way, in this order.'),
    ordering: ordering
      .nullable()
      .optional()
      .describe('Whether the order of events is kept; null: it is not.'),
    webhook_headers: webhookHeaders.optional(),
    disabled_at: time.nullable(),
    ...gateFields,
    updated_at: time,
    created_at: time,
  })
  .meta({ id: 'Connection', description: 'A source, a destination, and the rules in between.' });
export type Connection = z.infer<typeof connection>;

const fields = z.strictObject({
  name: name.nullable().optional(),
  description: description.optional(),
  rules: rules.optional().describe('What happens to a request on its way, in this order.'),
  ordering: ordering
    .nullable()
    .optional()
    .describe('Whether the order of events is kept; null: it is not.'),
  webhook_headers: webhookHeaders.optional(),
});

/** A new connection, or one to make or change by its name; its ends by id, or described here. */
export const connectionInput = fields
  .extend({
    source_id: sourceId.nullable().optional().describe('The source, or describe it in source.'),
    source: sourceInput
      .nullable()
      .optional()
      .describe('A source that is created, or updated where its name exists.'),
    destination_id: destinationId
      .nullable()
      .optional()
      .describe('The destination, or describe it in destination.'),
    destination: destinationInput
      .nullable()
      .optional()
      .describe('A destination that is created, or updated where its name exists.'),
  })
  .superRefine((input, context) => {
    for (const end of ['source', 'destination'] as const) {
      const byId = Boolean(input[`${end}_id`]);
      const described = Boolean(input[end]);
      const path = [`${end}_id`];
      if (!byId && !described) {
        context.addIssue({ code: 'custom', path, message: `is required, or ${end} instead of it` });
      }
      if (byId && described) {
        context.addIssue({ code: 'custom', path, message: `cannot stand beside ${end}` });
      }
    }
  })
  .meta({ id: 'ConnectionInput', description: 'A new connection.' });
export type ConnectionInput = z.infer<typeof connectionInput>;

export const connectionUpdate = fields.meta({
  id: 'ConnectionUpdate',
  description: 'Changes to a connection.',
});
export type ConnectionUpdate = z.infer<typeof connectionUpdate>;
