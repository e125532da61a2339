import { z } from 'zod';

const models = z.array(
  z.strictObject({
    secret: z.string(),
    not_after: z.iso
      .datetime()
      .nullable()
      .describe('Until when deliveries are still signed with it; null for the newest'),
  }),
);

/** What deliveries are signed with; several while one takes the place of another. */
export const signingSecrets = z.strictObject({ models }).meta({ id: 'SigningSecrets' });

/** The same for one destination. */
export const destinationSigningSecrets = z
  .strictObject({
    models,
    shared: z
      .boolean()
      .describe(
        'Whether these are the shared secrets of GET /signing-secrets, as for a destination from an older version that was never rotated',
      ),
  })
  .meta({ id: 'DestinationSigningSecrets' });

const DAY_H = 24;

export const signingSecretRotation = z.strictObject({
  old_valid_hours: z
    .number()
    .min(0)
    .max(30 * DAY_H)
    .default(DAY_H)
    .describe('For how many hours deliveries are signed with the previous secrets too'),
});
