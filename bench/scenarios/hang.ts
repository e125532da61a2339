import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { oneOfTen } from './one-of-ten.ts';

const TIMEOUT_S = 30;

/** One destination of ten takes requests and never answers, until each has waited its 30 s. */
export function hang(stage: Stage): Promise<Outcome> {
  return oneOfTen(stage, {
    title: 'One of ten destinations hangs',
    bad: { kind: 'hang' },
    retryIntervalMs: 10_000,
    destinationConfig: { delivery_timeout: TIMEOUT_S },
    // An attempt that began just before the end hangs on for its whole timeout, others wait for its place.
    slackMs: TIMEOUT_S * 1_000 + 2_000,
  });
}
