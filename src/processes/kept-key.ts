import type { KeyStanding } from '../db/key-standing.ts';

/** Why the key of the first start does not work any more; null where it does, or where nobody knows. */
export function whyKeyFails(standing: KeyStanding | null): string | null {
  if (standing === 'revoked') return 'was revoked or rolled';
  return standing === 'expired' ? 'has expired' : null;
}
