import type { RetryRule } from '../domain/retry.ts';
import type { Connection } from '../db/configuration.ts';

const DEFAULT_INTERVAL_MS = 60_000;

/** The retry rule of a connection as it is now, or null where it has none: then nothing is tried again by itself. */
export function retryRuleOf(connection: Connection): RetryRule | null {
  const rule = connection.rules.find((candidate) => candidate.type === 'retry');
  if (!rule) return null;
  return {
    strategy: rule.strategy,
    intervalMs: rule.interval ?? DEFAULT_INTERVAL_MS,
    count: rule.count ?? null,
    ...(rule.response_status_codes ? { responseStatusCodes: rule.response_status_codes } : {}),
  };
}
