import { arrivalsAt, completeness } from '../deliveries.ts';
import { round } from '../figures.ts';
import { makeLane } from '../lane.ts';
import { run } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { show } from '../table.ts';
import { warmUp } from '../warm-up.ts';
import { mostInWindow } from '../window.ts';

const SECOND_US = 1_000_000;
// The backlog comes in so many times faster than it may leave.
const OVERLOAD = 10;

/** A backlog on a destination that takes `--rate` deliveries a second: how long it takes, and that no second sees more. */
export async function rateLimit(stage: Stage): Promise<Outcome> {
  const { rate: limit = 50, seconds = 100, bodyBytes } = stage.options;
  const warm = await makeLane(stage, { name: 'warm' });
  const destinationConfig = { delivery_policy: { rate: limit, period: 'second' } };
  const lane = await makeLane(stage, { name: 'limited', destinationConfig });
  await warmUp(stage, [{ lane: warm, rate: limit * OVERLOAD, seconds: 0, bodyBytes }]);
  const stream = { lane, rate: limit * OVERLOAD, seconds: seconds / OVERLOAD, bodyBytes };
  stage.say(`A backlog of ${limit * seconds} at ${limit}/s`);
  const result = await run(stage, { streams: [stream], drainSeconds: seconds * 1.5 });
  const destination = lane.targets[0]!.receiverId;
  const acked = result.loads[0]!.ackedSeq;
  const counts = completeness(result.arrivals, { destinations: [destination], acked });
  const times = arrivalsAt(result.arrivals, destination).map((arrival) => arrival.arrivedAtUs);
  const drainedS = round(((times.at(-1) ?? 0) - (times[0] ?? 0)) / SECOND_US, 2);
  const expectedS = round((acked.length - 1) / limit, 2);
  const mostInASecond = mostInWindow(times, SECOND_US);
  return {
    figures: { limit, backlog: acked.length, drainedS, expectedS, mostInASecond, ...counts },
    tables: [
      {
        title: `A backlog of ${acked.length} on a destination with ${limit}/s`,
        rows: [
          ['drained in', show(drainedS, 's')],
          ['expected', show(expectedS, 's')],
          ['most in any second', show(mostInASecond)],
          ['lost', show(counts.lost)],
          ['duplicates', show(counts.duplicates)],
        ],
      },
    ],
  };
}
