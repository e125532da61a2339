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
    key: payloadPath.nullable(),
    on_failure: z.enum(['block', 'skip']).optional(),
  })
  .meta({ id: 'Ordering' });

const webhookHeaders = z
  .enum(WebhookHeaders, 'must be replace or pass_through')
  .describe(
    'replace: deliveries carry the webhook-id, webhook-timestamp and webhook-signature of Sluice, and the sender’s as x-sluice-original-webhook-…; pass_through: they carry the sender’s unchanged, and those of Sluice as x-sluice-webhook-…',
  );

export const connection = z
  .strictObject({
    id: connectionId,
    name: name.nullable(),
    full_name: z.string().nullable(),
    description,
    team_id: projectId,
    source,
    destination,
    rules: z.array(rule),
    ordering: ordering.nullable().optional(),
    webhook_headers: webhookHeaders.optional(),
    disabled_at: time.nullable(),
    ...gateFields,
    updated_at: time,
    created_at: time,
  })
  .meta({ id: 'Connection' });
export type Connection = z.infer<typeof connection>;

const fields = z.strictObject({
  name: name.nullable().optional(),
  description: description.optional(),
  rules: rules.optional(),
  ordering: ordering.nullable().optional(),
  webhook_headers: webhookHeaders.optional(),
});

/** A new connection, or one to make or change by its name; its ends by id, or described here. */
export const connectionInput = fields
  .extend({
    source_id: sourceId.nullable().optional(),
    source: sourceInput.nullable().optional(),
    destination_id: destinationId.nullable().optional(),
    destination: destinationInput.nullable().optional(),
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
  .meta({ id: 'ConnectionInput' });
export type ConnectionInput = z.infer<typeof connectionInput>;

export const connectionUpdate = fields.meta({ id: 'ConnectionUpdate' });
export type ConnectionUpdate = z.infer<typeof connectionUpdate>;
