/** A secret that deliveries are signed with, and until when; null for the newest. */
export type SigningSecret = { secret: string; not_after: string | null };

// A delivery carries a signature by each.
const MOST_SECRETS = 3;

/** The secrets that are still used, in their order. */
export function validSecrets(secrets: readonly SigningSecret[], nowMs: number): SigningSecret[] {
  return secrets.filter(({ not_after: end }) => end === null || Date.parse(end) > nowMs);
}

/** Puts a new secret before the others, which stay in use for `oldValidMs` at most. */
export function rotatedSecrets(
  before: readonly SigningSecret[],
  { secret, nowMs, oldValidMs }: { secret: string; nowMs: number; oldValidMs: number },
): SigningSecret[] {
  const endsAt = new Date(nowMs + oldValidMs).toISOString();
  const old = validSecrets(before, nowMs).slice(0, oldValidMs > 0 ? MOST_SECRETS - 1 : 0);
  const kept = old.map((one) => ({
    secret: one.secret,
    not_after: one.not_after !== null && one.not_after < endsAt ? one.not_after : endsAt,
  }));
  return [{ secret, not_after: null }, ...kept];
}
