import { figuresOf, type Figures } from '../figures.ts';
import { makeLane } from '../lane.ts';
import { preload } from '../preload.ts';
import { run } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { highestSustained, nextRate, type Point } from '../sustained-search.ts';
import { show } from '../table.ts';
import { warmUp } from '../warm-up.ts';

const P99_BELOW_MS = 2_000;
const OFFERED_SHARE = 0.99;

/** The highest rate at which nothing fails, nothing is lost, and the end-to-end p99 stays below 2 s. */
export async function sustained(stage: Stage): Promise<Outcome> {
  const {
    rate: start = 1_000,
    seconds = 30,
    bodyBytes,
    destinations,
    drainSeconds,
  } = stage.options;
  const lane = await makeLane(stage, { name: 'sustained', destinations });
  await preload(stage, lane);
  await warmUp(stage, [{ lane, rate: start, seconds, bodyBytes }]);
  const tried: (Point & { figures: Figures })[] = [];
  for (let rate = nextRate(tried, { start }); rate !== null; rate = nextRate(tried, { start })) {
    const stream = { lane, rate, seconds, bodyBytes };
    const figures = figuresOf(await run(stage, { streams: [stream], drainSeconds }), stream);
    tried.push({ rate, sustained: isSustained(figures), figures });
    stage.say(`${rate}/s: p99 ${show(figures.endToEndMs.p99, 'ms')}, ${figures.errors} errors`);
    // What still waits would be the next point's burden.
    if (!figures.drained) break;
  }
  const highest = highestSustained(tried);
  const rows = tried.map(({ rate, sustained: held, figures }) => [
    `${rate}/s`,
    held ? 'held' : 'not held',
    show(figures.ackMs.p99),
    show(figures.endToEndMs.p50),
    show(figures.endToEndMs.p99),
    show(figures.cpuMsPerEvent?.all),
  ]);
  return {
    figures: {
      highestSustained: highest,
      seconds,
      points: tried.map(({ sustained: held, figures }) => ({ sustained: held, ...figures })),
    },
    tables: [
      {
        title: `Highest sustained rate: ${show(highest, '/s')}`,
        header: ['', '', 'ack p99', 'e2e p50', 'e2e p99', 'CPU ms/event'],
        rows,
      },
    ],
  };
}

function isSustained(figures: Figures): boolean {
  const { errors, lost, drained, rate, offeredPerSecond } = figures;
  if (errors > 0 || lost > 0 || !drained || offeredPerSecond < rate * OFFERED_SHARE) return false;
  return (figures.endToEndMs.p99 ?? Infinity) < P99_BELOW_MS;
}
