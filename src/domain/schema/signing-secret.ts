import { z } from 'zod';

const models = z
  .array(
    z.strictObject({
      secret: z.string().describe('The secret, as Standard Webhooks write it: whsec_…'),
      not_after: z.iso
        .datetime()
        .nullable()
        .describe('Until when it still signs beside the newest; null for the newest.'),
    }),
  )
  .describe('The secrets, the newest first.');

/** What deliveries are signed with; several while one takes the place of another. */
export const signingSecrets = z
  .strictObject({ models })
  .meta({ id: 'SigningSecrets', description: 'The secrets that destinations share.' });

/** The same for one destination. */
export const destinationSigningSecrets = z
  .strictObject({
    models,
    shared: z
      .boolean()
      .describe(
        'Whether these are the shared secrets: a destination from an older version signs with them until its own secret is rotated.',
      ),
  })
  .meta({
    id: 'DestinationSigningSecrets',
    description: 'What deliveries to a destination are signed with.',
  });

const DAY_H = 24;

export const signingSecretRotation = z.strictObject({
  old_valid_hours: z
    .number()
    .min(0)
    .max(30 * DAY_H)
    .default(DAY_H)
    .describe('For how many hours the older secrets still sign too.'),
});
