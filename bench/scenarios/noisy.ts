import { completeness, latencies } from '../deliveries.ts';
import { round } from '../figures.ts';
import { makeLane, type Lane } from '../lane.ts';
import { inMs, summarize, type Summary } from '../quantiles.ts';
import { run, type Run } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { show } from '../table.ts';
import { warmUp } from '../warm-up.ts';

const THIRD_PER_SECOND = 10;
const HOSTILE = `addHandler('transform', () => { for (;;); });`;
const HARMLESS = `addHandler('transform', (request) => {
  request.headers['x-transformed'] = 'yes';
  return request;
});`;

const PHASES = ['alone', 'harmless', 'hostile'] as const;
type Phase = (typeof PHASES)[number];
type Runs = Record<Phase, Run>;

/**
 * Two sources, with and without a transformation: alone, beside a third whose code is harmless, and beside one whose
 * code never ends. They should not notice; what the harmless one costs is what any third source does.
 */
export async function noisy(stage: Stage): Promise<Outcome> {
  const { rate = 200, seconds = 30, bodyBytes, drainSeconds } = stage.options;
  const coded = (name: string, code: string) =>
    makeLane(stage, { name, rules: [transform(name, code)] });
  const lanes = {
    plain: await makeLane(stage, { name: 'plain' }),
    transformed: await coded('transformed', HARMLESS),
  };
  const quiet = Object.values(lanes).map((lane) => ({ lane, rate: rate / 2, seconds, bodyBytes }));
  const third = { rate: THIRD_PER_SECOND, seconds, bodyBytes };
  const thirds = {
    alone: [],
    harmless: [{ ...third, lane: await coded('harmless', HARMLESS) }],
    hostile: [{ ...third, lane: await coded('hostile', HOSTILE), expected: false }],
  };
  await warmUp(stage, quiet);
  const runs: Partial<Runs> = {};
  for (const phase of PHASES) {
    stage.say(`Measuring ${phase === 'alone' ? phase : `beside ${phase} code`}`);
    runs[phase] = await run(stage, { streams: [...quiet, ...thirds[phase]], drainSeconds });
  }
  const compared = Object.values(lanes).map((lane, i) => compare(runs as Runs, { lane, i }));
  return outcome({ rate, seconds, plain: compared[0]!, transformed: compared[1]! });
}

function transform(name: string, code: string): object {
  return { type: 'transform', transformation: { name: `bench-${name}-${process.pid}`, code } };
}

type Compared = Record<Phase, Summary> & {
  /** The p99 beside hostile code against the one alone, and against the one beside harmless code. */
  p99Ratio: number;
  p99RatioToHarmless: number;
  lost: number;
  duplicates: number;
};

function compare(runs: Runs, { lane, i }: { lane: Lane; i: number }): Compared {
  const destinations = lane.targets.map((target) => target.receiverId);
  const times = ({ arrivals }: Run) => inMs(summarize(latencies(arrivals, { destinations })));
  const acked = runs.hostile.loads[i]!.ackedSeq;
  const { lost, duplicates } = completeness(runs.hostile.arrivals, { destinations, acked });
  const [alone, harmless, hostile] = PHASES.map((phase) => times(runs[phase])) as [
    Summary,
    Summary,
    Summary,
  ];
  const ratioTo = ({ p99 }: Summary) => round((hostile.p99 ?? NaN) / (p99 ?? NaN), 2);
  const ratios = { p99Ratio: ratioTo(alone), p99RatioToHarmless: ratioTo(harmless) };
  return { alone, harmless, hostile, ...ratios, lost, duplicates };
}

function outcome({
  rate,
  seconds,
  plain,
  transformed,
}: {
  rate: number;
  seconds: number;
  plain: Compared;
  transformed: Compared;
}): Outcome {
  const rows = Object.entries({ plain, transformed }).map(([name, compared]) => [
    name,
    ...PHASES.map((phase) => `${show(compared[phase].p50)} / ${show(compared[phase].p99)}`),
    show(compared.p99Ratio),
    show(compared.p99RatioToHarmless),
    show(compared.lost),
  ]);
  return {
    figures: { rate, seconds, thirdPerSecond: THIRD_PER_SECOND, plain, transformed },
    tables: [
      {
        title: `${rate}/s on two sources, p50 / p99 in ms end to end, beside ${THIRD_PER_SECOND}/s of a third`,
        header: ['', ...PHASES, 'p99 to alone', 'p99 to harmless', 'lost'],
        rows,
      },
    ],
  };
}
