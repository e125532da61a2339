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

/**
 * Three sources; the code of the third is harmless at first, and then never ends. The two others, with and without a
 * transformation, should not notice.
 */
export async function noisy(stage: Stage): Promise<Outcome> {
  const { rate = 200, seconds = 30, bodyBytes, drainSeconds } = stage.options;
  const plain = await makeLane(stage, { name: 'plain' });
  const transformed = await makeLane(stage, {
    name: 'transformed',
    rules: [transform('harmless', HARMLESS)],
  });
  const thirds = {
    harmless: await makeLane(stage, { name: 'third', rules: [transform('third', HARMLESS)] }),
    hostile: await makeLane(stage, { name: 'hostile', rules: [transform('hostile', HOSTILE)] }),
  };
  const lanes = [plain, transformed];
  const quiet = lanes.map((lane) => ({ lane, rate: rate / 2, seconds, bodyBytes }));
  const third = (lane: Lane) => ({
    lane,
    rate: THIRD_PER_SECOND,
    seconds,
    bodyBytes,
    expected: lane === thirds.harmless,
  });
  await warmUp(stage, [...quiet, third(thirds.harmless)]);
  stage.say(`Measuring beside ${THIRD_PER_SECOND}/s of harmless code`);
  const before = await run(stage, { streams: [...quiet, third(thirds.harmless)], drainSeconds });
  stage.say(`Measuring beside ${THIRD_PER_SECOND}/s of endless loops`);
  const beside = await run(stage, { streams: [...quiet, third(thirds.hostile)], drainSeconds });
  const compared = lanes.map((lane, i) => compare({ lane, i, before, beside }));
  return outcome({ rate, seconds, plain: compared[0]!, transformed: compared[1]! });
}

function transform(name: string, code: string): object {
  return { type: 'transform', transformation: { name: `bench-${name}-${process.pid}`, code } };
}

type Compared = {
  before: Summary;
  beside: Summary;
  p99Ratio: number;
  lost: number;
  duplicates: number;
};

function compare({
  lane,
  i,
  before,
  beside,
}: {
  lane: Lane;
  i: number;
  before: Run;
  beside: Run;
}): Compared {
  const destinations = lane.targets.map((target) => target.receiverId);
  const times = (result: Run) => inMs(summarize(latencies(result.arrivals, { destinations })));
  const acked = beside.loads[i]!.ackedSeq;
  const { lost, duplicates } = completeness(beside.arrivals, { destinations, acked });
  const [first, second] = [times(before), times(beside)];
  const p99Ratio = round((second.p99 ?? NaN) / (first.p99 ?? NaN), 2);
  return { before: first, beside: second, p99Ratio, lost, duplicates };
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
    show(compared.before.p50),
    show(compared.beside.p50),
    show(compared.before.p99),
    show(compared.beside.p99),
    show(compared.p99Ratio),
    show(compared.lost),
  ]);
  return {
    figures: { rate, seconds, thirdPerSecond: THIRD_PER_SECOND, plain, transformed },
    tables: [
      {
        title: `${rate}/s on two sources, beside a harmless and beside a hostile transformation, ms end to end`,
        header: ['', 'p50', 'p50 hostile', 'p99', 'p99 hostile', 'p99 ratio', 'lost'],
        rows,
      },
    ],
  };
}
