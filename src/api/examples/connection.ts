import type { z } from 'zod';
import type { Connection, connectionInput } from '../../domain/schema/connection.ts';
import type { Rule } from '../../domain/schema/rule.ts';
import { exampleDestination } from './destination.ts';
import { EXAMPLE_ID, EXAMPLE_TIME } from './ids.ts';
import { exampleSource } from './source.ts';

const rules: Rule[] = [
  { type: 'filter', body: { type: { $in: ['invoice.paid', 'invoice.payment_failed'] } } },
  { type: 'retry', strategy: 'exponential', interval: 10_000, count: 12 },
];

export const exampleConnectionInput: z.input<typeof connectionInput> = {
  name: 'orders',
  source_id: EXAMPLE_ID.source,
  destination_id: EXAMPLE_ID.destination,
  rules,
};

export const exampleConnection: Connection = {
  id: EXAMPLE_ID.connection,
  name: 'orders',
  full_name: 'shop -> orders',
  description: null,
  team_id: EXAMPLE_ID.project,
  source: exampleSource,
  destination: exampleDestination,
  rules,
  ordering: null,
  webhook_headers: 'replace',
  disabled_at: null,
  paused_at: null,
  paused_reason: null,
  updated_at: EXAMPLE_TIME,
  created_at: EXAMPLE_TIME,
};
