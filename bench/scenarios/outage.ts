import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { oneOfTen } from './one-of-ten.ts';

/** One destination of ten refuses connections; what waits for it is tried again every ten seconds. */
export function outage(stage: Stage): Promise<Outcome> {
  return oneOfTen(stage, {
    title: 'One of ten destinations is down',
    bad: { kind: 'down' },
    retryIntervalMs: 10_000,
    slackMs: 2_000,
  });
}
