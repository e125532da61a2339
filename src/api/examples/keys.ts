import type { z } from 'zod';
import type { ApiKey, newApiKey } from '../../domain/schema/api-key.ts';
import type { signingSecrets } from '../../domain/schema/signing-secret.ts';
import { EXAMPLE_ID, EXAMPLE_TIME } from './ids.ts';

export const exampleApiKey: ApiKey = {
  id: EXAMPLE_ID.apiKey,
  label: 'deploy',
  team_id: EXAMPLE_ID.project,
  key_fingerprint: '5f0c1a2b',
  origin: 'api',
  expires_at: null,
  last_used_at: null,
  updated_at: EXAMPLE_TIME,
  created_at: EXAMPLE_TIME,
};

export const exampleNewApiKey: z.input<typeof newApiKey> = {
  ...exampleApiKey,
  key: 'sk_Zb1w8Qk3vN5xT7rM2yHc9pLd',
};

export const exampleSigningSecrets: z.input<typeof signingSecrets> = {
  models: [{ secret: 'whsec_dGhpcyBpcyBhbiBleGFtcGxlLCBub3QgYSBzZWNyZXQ=', not_after: null }],
};

/** The old secret still signs for a day. */
export const exampleRotatedSecrets: z.input<typeof signingSecrets> = {
  models: [
    ...exampleSigningSecrets.models,
    {
      secret: 'whsec_dGhlIGV4YW1wbGUgc2VjcmV0IG9mIGJlZm9yZSBpdCE=',
      not_after: '2026-09-02T12:00:00.000Z',
    },
  ],
};
