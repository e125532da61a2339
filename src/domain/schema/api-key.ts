import { z } from 'zod';
import { idOf, projectId } from './id.ts';
import { time } from './text.ts';

const label = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(155, 'must be at most 155 characters long');

const expiresAt = z.iso
  .datetime({ offset: true, error: 'must be a time like 2027-01-31T12:00:00Z' })
  .nullable()
  .describe('When the key expires; null for never. A time in the past ends it at once.');

const fields = {
  id: idOf('apk_'),
  label: z.string().describe('What the key is for.'),
  team_id: projectId,
  key_fingerprint: z.string().describe('The first letters of the SHA-256 of the key.'),
  origin: z
    .enum(['environment', 'first_start', 'api'])
    .describe('Where it comes from: API_KEY, the first start, or this API.'),
  expires_at: time.nullable().describe('When it expires; null for never.'),
  last_used_at: time.nullable().describe('When it was last used, to within a minute.'),
  updated_at: time,
  created_at: time,
};

/** A key of the API, as it is shown: what it says itself is not kept. */
export const apiKey = z
  .strictObject(fields)
  .meta({ id: 'ApiKey', description: 'An API key, without the key itself.' });
export type ApiKey = z.infer<typeof apiKey>;

export const newApiKey = z
  .strictObject({
    ...fields,
    key: z.string().describe('The key. It is shown here and never again.'),
  })
  .meta({ id: 'NewApiKey', description: 'A new API key.' });

const given = {
  label: label.optional().describe('What the key is for.'),
  name: label.optional().describe('Another word for label.'),
  expires_at: expiresAt.optional(),
};

export const apiKeyCreate = z
  .strictObject(given)
  .refine(({ label, name }) => (label ?? name) !== undefined, {
    path: ['label'],
    error: 'is required',
  })
  .meta({ id: 'ApiKeyCreate', description: 'A new API key.' });

export const apiKeyUpdate = z
  .strictObject(given)
  .meta({ id: 'ApiKeyUpdate', description: 'Changes to an API key.' });

const MONTH_S = 30 * 86_400;

export const apiKeyRoll = z
  .strictObject({
    delay_sec: z
      .int()
      .min(0)
      .max(MONTH_S)
      .default(0)
      .describe('For how many seconds the old key stays valid.'),
  })
  .meta({ id: 'ApiKeyRoll', description: 'How to replace an API key.' });
