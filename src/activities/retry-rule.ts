import { DEFAULT_RETRY_INTERVAL_MS, type RetryRule } from '../domain/retry.ts';
import type { Connection } from '../db/configuration.ts';

/**
 * The retry rule of a connection as it is now, or null where it has none: then nothing is tried again by itself.
 * `leftMs` is the time until the event is removed.
 */
export function retryRuleOf(
  connection: Connection,
  { leftMs = Infinity }: { leftMs?: number } = {},
): RetryRule | null {
  const rule = connection.rules.find((candidate) => candidate.type === 'retry');
  if (!rule) return null;
  return {
    strategy: rule.strategy,
    intervalMs: rule.interval ?? DEFAULT_RETRY_INTERVAL_MS,
    count: rule.count ?? null,
    leftMs,
    ...(rule.response_status_codes ? { responseStatusCodes: rule.response_status_codes } : {}),
  };
}
