import type { z } from 'zod';
import type { Destination, destinationInput } from '../../domain/schema/destination.ts';
import { EXAMPLE_ID, EXAMPLE_TIME } from './ids.ts';

export const exampleDestinationInput: z.input<typeof destinationInput> = {
  name: 'billing',
  config: {
    url: 'https://billing.example.com/hooks',
    auth_type: 'API_KEY',
    auth: { key: 'x-api-key', api_key: 'key_4d1f', to: 'header' },
    delivery_timeout: 15,
    delivery_policy: { rate: 50, period: 'second', concurrent: 20 },
    internal_headers: ['event_url'],
  },
};

export const exampleDestination: Destination = {
  id: EXAMPLE_ID.destination,
  name: 'billing',
  description: null,
  team_id: EXAMPLE_ID.project,
  disabled_at: null,
  updated_at: EXAMPLE_TIME,
  created_at: EXAMPLE_TIME,
  type: 'HTTP',
  paused_at: null,
  paused_reason: null,
  disabled_reason: null,
  held_until: null,
  config: {
    url: 'https://billing.example.com/hooks',
    auth_type: 'API_KEY',
    delivery_timeout: 15,
    delivery_policy: { rate: 50, period: 'second', concurrent: 20 },
    internal_headers: ['event_url'],
  },
};
