import type { z } from 'zod';
import type { Source, sourceInput } from '../../domain/schema/source.ts';
import { EXAMPLE_ID, EXAMPLE_TIME } from './ids.ts';

export const exampleSourceInput: z.input<typeof sourceInput> = {
  name: 'shop',
  description: 'Orders of the web shop',
  type: 'STRIPE',
  config: {
    allowed_http_methods: ['POST'],
    auth: { webhook_secret_key: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
  },
};

export const exampleSource: Source = {
  id: EXAMPLE_ID.source,
  name: 'shop',
  description: 'Orders of the web shop',
  team_id: EXAMPLE_ID.project,
  disabled_at: null,
  updated_at: EXAMPLE_TIME,
  created_at: EXAMPLE_TIME,
  type: 'STRIPE',
  url: `https://hooks.example.com/in/${EXAMPLE_ID.source}`,
  authenticated: true,
  setup_until: null,
  config: { allowed_http_methods: ['POST'] },
};
