import { z } from 'zod';

/** What deliveries are signed with; several while one takes the place of another. */
export const signingSecrets = z
  .strictObject({
    models: z.array(
      z.strictObject({
        secret: z.string(),
        /** Until when it is still used beside the newest; null for the newest. */
        not_after: z.iso.datetime().nullable(),
      }),
    ),
  })
  .meta({ id: 'SigningSecrets' });

const DAY_H = 24;

export const signingSecretRotation = z.strictObject({
  /** For how long deliveries are signed with the secrets of before, too. */
  old_valid_hours: z
    .number()
    .min(0)
    .max(30 * DAY_H)
    .default(DAY_H),
});
