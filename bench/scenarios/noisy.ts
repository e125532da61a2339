import { setTimeout as sleep } from 'node:timers/promises';
import { completeness, latencies } from '../deliveries.ts';
import { makeLane, type Lane } from '../lane.ts';
import { ratioOf, timesOf, type PhaseTimes, type Ratio } from '../phase.ts';
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
type Runs = Record<Phase, Run[]>;

const ROUND_S = 10;
const REST_MS = 5_000;

/**
 * Two sources, with and without a transformation: alone, beside a third whose code is harmless, and beside one whose
 * code never ends. They should not notice; what the harmless one costs is what any third source does. By turns: what
 * else happens on the machine falls on all three.
 */
export async function noisy(stage: Stage): Promise<Outcome> {
  const { rate = 200, seconds = 60, bodyBytes, drainSeconds } = stage.options;
  const coded = (name: string, code: string) =>
    makeLane(stage, { name, rules: [transform(name, code)] });
  const lanes = {
    plain: await makeLane(stage, { name: 'plain' }),
    transformed: await coded('transformed', HARMLESS),
  };
  const each = { seconds: ROUND_S, bodyBytes };
  const quiet = Object.values(lanes).map((lane) => ({ ...each, lane, rate: rate / 2 }));
  const third = { ...each, rate: THIRD_PER_SECOND };
  const thirds = {
    alone: [],
    harmless: [{ ...third, lane: await coded('harmless', HARMLESS) }],
    hostile: [{ ...third, lane: await coded('hostile', HOSTILE), expected: false }],
  };
  await warmUp(stage, quiet);
  const runs: Runs = { alone: [], harmless: [], hostile: [] };
  const rounds = Math.ceil(seconds / ROUND_S);
  for (let i = 0; i < rounds * PHASES.length; i++) {
    // Each phase follows each other one equally often.
    const phase = PHASES[(i + Math.floor(i / PHASES.length)) % PHASES.length]!;
    stage.say(`Measuring ${phase === 'alone' ? phase : `beside ${phase} code`}`);
    runs[phase].push(await run(stage, { streams: [...quiet, ...thirds[phase]], drainSeconds }));
    // What the third source left behind is no part of the next phase.
    await sleep(REST_MS);
  }
  const [plain, transformed] = Object.values(lanes).map((lane, i) => compare(runs, { lane, i }));
  return outcome({ rate, seconds, plain: plain!, transformed: transformed! });
}

function transform(name: string, code: string): object {
  return { type: 'transform', transformation: { name: `bench-${name}-${process.pid}`, code } };
}

type Compared = Record<Phase, PhaseTimes> & {
  toAlone: Ratio;
  toHarmless: Ratio;
  lost: number;
  duplicates: number;
};

function compare(runs: Runs, { lane, i }: { lane: Lane; i: number }): Compared {
  const destinations = lane.targets.map((target) => target.receiverId);
  const times = (phase: Phase) =>
    timesOf(runs[phase].map(({ arrivals }) => latencies(arrivals, { destinations })));
  const counts = runs.hostile.map(({ arrivals, loads }) =>
    completeness(arrivals, { destinations, acked: loads[i]!.ackedSeq }),
  );
  const [alone, harmless, hostile] = [times('alone'), times('harmless'), times('hostile')];
  return {
    alone,
    harmless,
    hostile,
    toAlone: ratioOf(hostile, alone),
    toHarmless: ratioOf(hostile, harmless),
    lost: counts.reduce((n, { lost }) => n + lost, 0),
    duplicates: counts.reduce((n, { duplicates }) => n + duplicates, 0),
  };
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
    ...PHASES.map((phase) => shown(compared[phase])),
    ...[compared.toAlone, compared.toHarmless].map(({ p99, blockP99 }) => `${p99} / ${blockP99}`),
    show(compared.lost),
  ]);
  return {
    figures: { rate, seconds, thirdPerSecond: THIRD_PER_SECOND, plain, transformed },
    tables: [
      {
        title: `${rate}/s on two sources, p50 / p99 / p99 of a round in ms end to end, beside ${THIRD_PER_SECOND}/s of a third`,
        header: ['', ...PHASES, 'hostile to alone', 'to harmless', 'lost'],
        rows,
      },
    ],
  };
}

function shown({ p50, p99, blockP99 }: PhaseTimes): string {
  return [p50, p99, blockP99].map((ms) => show(ms)).join(' / ');
}
