import { DEFAULT_RETRY_INTERVAL_MS, MAX_RETRY_DELAY_MS } from './retry.ts';

const DAY_MS = 86_400_000;
// The last attempt takes its time, too.
const ATTEMPT_MS = 3_600_000;

/** How long after its arrival an event may still be sent: after its retention it is removed. */
export function sendableMs(retentionDays: number): number {
  return retentionDays * DAY_MS - ATTEMPT_MS;
}

/** What of a rule says how long an event waits. */
type WaitingRule = {
  type: string;
  delay?: number;
  strategy?: 'linear' | 'exponential';
  interval?: number | null | undefined;
  count?: number | null | undefined;
};

/** Which of these rules would have an event wait for longer than it is kept, and what to do about that. */
export function retentionProblems(
  rules: readonly WaitingRule[],
  { retentionDays }: { retentionDays: number },
): { path: (string | number)[]; message: string }[] {
  const mostMs = sendableMs(retentionDays);
  const delayMs = rules.reduce((sum, rule) => sum + (rule.delay ?? 0), 0);
  return rules.flatMap((rule, index) => {
    if ((rule.delay ?? 0) > mostMs) {
      return [{ path: [index, 'delay'], message: beyond(mostMs, retentionDays) }];
    }
    if (rule.type !== 'retry') return [];
    const { strategy = 'linear' } = rule;
    const intervalMs = rule.interval ?? DEFAULT_RETRY_INTERVAL_MS;
    const count = rule.count ?? null;
    if (intervalMs > mostMs && count !== 0) {
      return [{ path: [index, 'interval'], message: beyond(mostMs, retentionDays) }];
    }
    // Without a count it is tried as often as there is time.
    if (count === null || delayMs + waitOfAll({ strategy, intervalMs, count }) <= mostMs) return [];
    const fitting = mostFitting({ strategy, intervalMs, leftMs: mostMs - delayMs });
    const message = `must be at most ${fitting} at this interval: later retries would come after the event is removed (RETENTION_DAYS is ${retentionDays}); lower it or the interval, leave it out, or raise RETENTION_DAYS`;
    return [{ path: [index, 'count'], message }];
  });
}

function beyond(mostMs: number, retentionDays: number): string {
  return `must be at most ${mostMs} ms: after that the event is removed (RETENTION_DAYS is ${retentionDays}); lower it, or raise RETENTION_DAYS`;
}

type Schedule = { strategy: 'linear' | 'exponential'; intervalMs: number };

function waitOfAll({ count, ...schedule }: Schedule & { count: number }): number {
  let ms = 0;
  for (let n = 0; n < count; n++) ms += waitBefore(n, schedule);
  return ms;
}

function mostFitting({ leftMs, ...schedule }: Schedule & { leftMs: number }): number {
  let count = 0;
  let ms = waitBefore(0, schedule);
  while (ms <= leftMs) ms += waitBefore(++count, schedule);
  return count;
}

function waitBefore(retry: number, { strategy, intervalMs }: Schedule): number {
  const ms = strategy === 'linear' ? intervalMs : intervalMs * 2 ** Math.min(retry, 31);
  return Math.min(ms, MAX_RETRY_DELAY_MS);
}
